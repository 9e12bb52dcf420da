#!/usr/bin/env bash
# build.sh [--offline]: makes the image pannier (or $PANNIER_IMAGE) from this tree, anew each time. Where
# the rust image cannot be had, the release binary that cargo builds here goes into it, with the shared
# libraries it names; it then needs nothing newer than this machine. With $PANNIER_PROGRAM that program
# goes into it, whatever it is, without its debug symbols: tests take the one they have.
set -euo pipefail
cd "$(dirname "$0")/../.."
. infra/lib.sh

image=${PANNIER_IMAGE:-pannier:latest}
assembled=$CACHE/pannier-image

from_local_toolchain() {
    local program=${PANNIER_PROGRAM:-}
    if [ -z "$program" ]; then
        cargo build --locked --release --package local --bin pannier
        program=${CARGO_TARGET_DIR:-target}/release/pannier
    fi
    for tool in curl espeak-ng; do
        command -v "$tool" >/dev/null || { echo "$tool is missing: infra/install.sh installs it"; exit 1; }
    done
    rm -rf "$assembled"
    mkdir -p "$assembled/data/logs" "$assembled/program"
    strip --strip-debug -o "$assembled/program/pannier" "$program"
    infra/rootfs.sh "$assembled/rootfs" "$assembled/program/pannier" \
        "$(command -v curl)" "$(command -v espeak-ng)"
    rm -r "$assembled/program"
    image_from_folder "$image" infra/Dockerfile "$assembled" <<'LINES'
COPY rootfs/ /
COPY --chown=1000:1000 data/ /data/
VOLUME /data
LINES
}

if [ -z "${PANNIER_PROGRAM:-}" ] && [ "${1:-}" != --offline ] && can_pull "$(base_image infra/Dockerfile)"; then
    step "image $image (registry)" docker build --file infra/Dockerfile --tag "$image" .
else
    step "image $image (local toolchain)" from_local_toolchain
fi
