#!/usr/bin/env bash
# Installs what the whole test suite needs beside a Rust toolchain (and Go, where no image registry can be
# reached), on Debian 12: archive readers, a browser, an engine and judges of speech, Docker, the Python and Node
# peers, what deploys to a cloud, images to judge, cargo-deny.
# Everything but the Debian packages goes into ${PANNIER_CACHE:-~/.cache/pannier}. Does only what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
. infra/lib.sh

# A command that has to be there, and the package that brings it.
needed=(
    dockerd:docker.io iptables:iptables ip:iproute2 nginx:nginx-light mariadb:mariadb-client-core redis-cli:redis-tools
    bsdtar:libarchive-tools 7z:p7zip-full zip:zip unzip:unzip aria2c:aria2 curl:curl
    cc:build-essential javac:default-jdk-headless node:nodejs npm:npm python3:python3
    chromium:chromium
    espeak-ng:espeak-ng ffmpeg:ffmpeg mpg123:mpg123 mp3val:mp3val lame:lame pocketsphinx_continuous:pocketsphinx
)

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

missing_packages() {
    local pair
    for pair in "${needed[@]}"; do
        # iptables and dockerd are where an ordinary user's PATH may not look.
        PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null || echo "${pair##*:}"
    done
    [ -e /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
    # What the recogniser of speech knows of English.
    [ -e /usr/share/pocketsphinx/model/en-us ] || echo pocketsphinx-en-us
    # Pages in Chinese are looked at, too.
    [ -e /usr/share/fonts/truetype/wqy/wqy-microhei.ttc ] || echo fonts-wqy-microhei
    python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
}

debian_packages() {
    local missing
    mapfile -t missing < <(missing_packages)
    [ ${#missing[@]} -gt 0 ] || return 0
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q --yes --no-install-recommends "${missing[@]}"
}

# python_packages LISTS HOME: a Python environment at HOME with the packages that the folder LISTS names.
python_packages() {
    local home=$2 stamp lists
    lists=("$1/requirements.txt" "$1/constraints.txt")
    stamp=$home/$(cat "${lists[@]}" | sha256sum | cut -c1-16)
    [ ! -e "$stamp" ] || return 0
    rm -rf "$home"
    python3 -m venv "$home"
    "$home/bin/pip" install --quiet --disable-pip-version-check -r "${lists[0]}" -c "${lists[1]}"
    touch "$stamp"
}

# pip_source PACKAGE VERSION SHA256: its source archive, in the folder at hand.
pip_source() {
    "$CACHE/python/bin/pip" download --quiet --disable-pip-version-check \
        --no-binary :all: --no-deps "$1==$2" --dest .
    echo "$3  $1-$2.tar.gz" | sha256sum --check --quiet
}

# debian_source PATH SHA256: a file of the Debian archive that apt is set up for, in the folder at hand.
debian_source() {
    local archive
    while read -r archive; do
        if curl --silent --fail --location --remote-name "${archive%/}/$1"; then break; fi
    done < <(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sort -u)
    echo "$2  ${1##*/}" | sha256sum --check --quiet
}

# Images to be judged: the test files of Pillow and of libpng.
image_corpora() {
    local home=$CACHE/corpora got
    got=$(mktemp -d)
    mkdir -p "$home"
    cd "$got"
    if [ ! -d "$home/pillow" ]; then
        pip_source pillow 13.0.0 cdcd1ba258178f7356d74170c9a81ba4eab6a5d55748bc402a5a2a6fe6be3510
        tar --extract --file pillow-13.0.0.tar.gz --strip-components 2 pillow-13.0.0/Tests/images
        mv images "$home/pillow"
    fi
    if [ ! -d "$home/libpng" ]; then
        debian_source pool/main/libp/libpng1.6/libpng1.6_1.6.39.orig.tar.gz \
            a00e9d2f2f664186e4202db9299397f851aea71b36a35e74910b8820e380d441
        tar --extract --file libpng1.6_1.6.39.orig.tar.gz libpng-1.6.39/contrib
        mv libpng-1.6.39/contrib "$home/libpng"
    fi
    rm -rf "$got"
}

node_peers() {
    local home=$CACHE/node
    mkdir -p "$home"
    if [ -d "$home/node_modules" ] && cmp -s tests/peers/node/package-lock.json "$home/package-lock.json"; then
        return 0
    fi
    cp tests/peers/node/package.json tests/peers/node/package-lock.json "$home/"
    rm -rf "$home/node_modules"
    # npm may say no to nothing but the lock file: no scripts, no questions.
    (cd "$home" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
}

# Unoptimised: it builds in a third of the time, and checks this tree in a second all the same.
cargo_deny() {
    local version=0.18.9 target=$CACHE/cargo-deny-target
    PATH=$CACHE/cargo-deny/bin:$PATH
    [ "$(cargo-deny --version 2>/dev/null)" != "cargo-deny $version" ] || return 0
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0 CARGO_TARGET_DIR=$target \
        cargo install --quiet --locked --debug --version "$version" --root "$CACHE/cargo-deny" cargo-deny
    rm -rf "$target"
}

# Waits until Docker answers, or until the process PID, when given, has ended.
docker_answers() {
    local pid=${1:-} tries
    for tries in $(seq 120); do
        docker info >/dev/null 2>&1 && return 0
        [ -z "$pid" ] || kill -0 "$pid" 2>/dev/null || return 1
        sleep 0.5
    done
    echo "no answer after $((tries / 2)) s"
    return 1
}

docker_daemon() {
    local driver
    docker info >/dev/null 2>&1 && return 0
    if [ -d /run/systemd/system ]; then
        as_root systemctl start docker
        docker_answers
        return
    fi
    # No service manager (a container or a bare VM): run it here; vfs works on any file system.
    for driver in overlay2 vfs; do
        as_root setsid dockerd --storage-driver="$driver" >"$CACHE/log/dockerd-$driver.log" 2>&1 </dev/null &
        if docker_answers $!; then return 0; fi
        tail -n 5 "$CACHE/log/dockerd-$driver.log"
    done
    return 1
}

command -v cargo >/dev/null || { echo "install Rust first: the toolchain named in Cargo.toml" >&2; exit 1; }
step "Debian packages" debian_packages
step "Docker daemon" docker_daemon
step "Python peers" python_packages tests/peers/python "$CACHE/python"
step "deployment tools" python_packages tests/peers/deploy "$CACHE/deploy"
step "Node peers" node_peers
step "image corpora" image_corpora
step "cargo-deny" cargo_deny
