#!/usr/bin/env bash
# build.sh [--offline]: makes the image pannier-nginx (or $NGINX_IMAGE) unless it exists: the official
# image where a registry answers, else one from Debian's nginx package, which is fetched and unpacked,
# not installed.
set -euo pipefail
cd "$(dirname "$0")"
. ../lib.sh

image=${NGINX_IMAGE:-pannier-nginx:1}
assembled=$CACHE/nginx-image

from_debian() {
    local unpacked=$CACHE/nginx-package
    rm -rf "$unpacked" "$assembled"
    mkdir -p "$unpacked" "$assembled/etc/nginx" "$assembled/var/log/nginx" "$assembled/var/lib/nginx"
    (cd "$unpacked" && apt-get download nginx nginx-common)
    for package in "$unpacked"/*.deb; do dpkg-deb --extract "$package" "$unpacked"; done
    ../rootfs.sh "$assembled" "$unpacked/usr/sbin/nginx" "$(command -v curl)"
    cp "$unpacked/etc/nginx/mime.types" "$assembled/etc/nginx/"
    echo "COPY . /" | image_from_folder "$image" Dockerfile "$assembled"
}

if have_image "$image"; then
    step "image $image (exists)" true
elif [ "${1:-}" != --offline ] && can_pull "$(base_image Dockerfile)"; then
    step "image $image (registry)" docker build --tag "$image" .
else
    step "image $image (Debian package)" from_debian
fi
