#!/bin/sh
# rootfs.sh DIR PROGRAM...: puts each program into DIR under /usr/bin, with the shared libraries that
# ldd names for it and the few files a program looks for: a root file system for an image made
# `FROM scratch`. The same script runs in the build stage of infra/Dockerfile and on a machine
# without a registry, so both ways give the same image.
set -eu

root=$1
shift
mkdir -p "$root/usr/bin" "$root/etc/ssl/certs" "$root/tmp"
# A tmpfs mounted there takes its mode from the folder.
chmod 1777 "$root/tmp"

for program in "$@"; do
    ldd "$program" | grep -q 'not found' && { ldd "$program" >&2; exit 1; }
    cp -L "$program" "$root/usr/bin/"
    # Lines are `name => /path (address)`, or `/path (address)` for the loader.
    ldd "$program" | sed -n 's/^.*=> \(\/[^ ]*\) (.*$/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*$/\1/p' |
        while read -r library; do cp -L --parents "$library" "$root"; done
    case $program in
    */espeak-ng)
        # Its voices are files; it tells where.
        cp -rL --parents "$("$program" --version | sed -n 's/^.*Data at: //p')" "$root"
        ;;
    esac
done

cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
printf 'root:x:0:0:root:/:/sbin/nologin\npannier:x:1000:1000::/:/sbin/nologin\n' >"$root/etc/passwd"
printf 'root:x:0:\npannier:x:1000:\n' >"$root/etc/group"
