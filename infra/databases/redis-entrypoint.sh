#!/bin/sh
# Entry point of the image of Redis, with the contract of the official one's.
set -e

case ${1:-} in
-* | *.conf) set -- redis-server "$@" ;;
esac
[ "${1:-}" = redis-server ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
    find . ! -user redis -exec chown redis: {} +
    exec gosu redis "$0" "$@"
fi

# Files of the data are for this user alone, unless somebody has chosen otherwise.
[ "$(umask)" != 0022 ] || umask 0077

# The official image is compiled with protected mode off. Debian's is not: it is switched off unless the
# options or the configuration file say something of their own, or the server is not to run at all.
protected_mode() {
    case ${2:-} in
    -v | --version | -h | --help | --test-memory | --check-system) return 0 ;;
    esac
    for argument; do
        [ "$argument" != --protected-mode ] || return 0
    done
    [ -f "${2:-}" ] && grep -qi '^[[:space:]]*protected-mode[[:space:]]' "$2"
}
protected_mode "$@" || set -- "$@" --protected-mode no
exec "$@"
