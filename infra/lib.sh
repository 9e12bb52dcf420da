# Sourced by the scripts beside it: where they keep things, how they report, how an image is made.
# shellcheck shell=bash

CACHE=${PANNIER_CACHE:-$HOME/.cache/pannier}
mkdir -p "$CACHE/log"

# step NAME COMMAND...: one line with the time it took; the output is shown only when it fails.
# Call it as a statement of its own: under `if` or `||` bash would ignore errors inside COMMAND.
step() {
    local name=$1 began=$SECONDS status log
    shift
    log="$CACHE/log/${name//[^A-Za-z0-9.-]/-}.log"
    set +e
    (set -e; "$@") >"$log" 2>&1 </dev/null
    status=$?
    set -e
    if [ "$status" -ne 0 ]; then
        printf '%-44s FAILED (%s)\n' "$name" "$log" >&2
        tail -n 60 "$log" >&2
        return "$status"
    fi
    printf '%-44s %5ds\n' "$name" $((SECONDS - began))
}

have_image() { docker image inspect "$1" >/dev/null 2>&1; }

# Whether a base image can be had: present already, or pulled now.
can_pull() { have_image "$1" || timeout 900 docker pull --quiet "$1" >/dev/null 2>&1; }

# base_image DOCKERFILE: the image its build stage starts from, so that a pin is written once.
base_image() { sed -n 's/^ARG BASE=//p' "$1"; }

# image_from_folder IMAGE DOCKERFILE DIR: the image that DOCKERFILE makes where a registry answers, made
# without one. Its first stage, `runtime`, starts from scratch and holds all that the image does; the
# lines on stdin put the contents of DIR into it. (Two builds, because a Docker without BuildKit would
# build the stages between, too.)
image_from_folder() {
    local runtime=${1%%:*}-runtime nothing
    nothing=$(mktemp -d)
    docker build --file "$2" --target runtime --tag "$runtime" "$nothing"
    rmdir "$nothing"
    { echo "FROM $runtime"; cat; } >"$3.Dockerfile"
    docker build --file "$3.Dockerfile" --tag "$1" "$3"
    docker rmi --no-prune "$runtime"
}
