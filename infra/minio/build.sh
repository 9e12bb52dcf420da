#!/usr/bin/env bash
# build.sh [--offline]: makes the image pannier-minio (or $MINIO_IMAGE) unless it exists. Where the
# golang image cannot be had, the local Go toolchain compiles into the cache folder instead.
set -euo pipefail
cd "$(dirname "$0")"
. ../lib.sh

image=${MINIO_IMAGE:-pannier-minio:2026-02-12.1}
rootfs=$CACHE/minio-2026-02-12.1

from_registry() { can_pull "$(base_image Dockerfile)"; }

from_local_toolchain() {
    if ! [ -e "$rootfs/done" ]; then
        command -v go >/dev/null || { echo "no registry and no Go toolchain (1.24 or newer)"; exit 1; }
        ./compile.sh "$rootfs"
        touch "$rootfs/done"
    fi
    image_from_folder "$image" Dockerfile "$rootfs" <<'LINES'
COPY bin/ /bin/
COPY --chown=1000:1000 data/ /data/
VOLUME /data
LINES
}

if have_image "$image"; then
    step "image $image (exists)" true
elif [ "${1:-}" != --offline ] && from_registry; then
    step "image $image (registry)" docker build --tag "$image" .
else
    step "image $image (local toolchain)" from_local_toolchain
fi
