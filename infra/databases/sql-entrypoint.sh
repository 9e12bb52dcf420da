#!/bin/sh
# Entry point of the images of MariaDB and MySQL, with the contract of the official ones'. Left out: time
# zones, users for replication and health checks, password hashes, upgrades.
set -e

note() { printf '%s [Note] [Entrypoint]: %s\n' "$(date '+%Y-%m-%d %H:%M:%S')" "$*"; }
die() { printf '%s [ERROR] [Entrypoint]: %s\n' "$(date '+%Y-%m-%d %H:%M:%S')" "$*" >&2; exit 1; }

product=MySQL
[ ! -e /usr/sbin/mariadbd ] || product=MariaDB

case ${1:-} in
-*) if [ $product = MariaDB ]; then set -- mariadbd "$@"; else set -- mysqld "$@"; fi ;;
esac
case ${1:-} in
mysqld | mariadbd) ;;
*) exec "$@" ;;
esac
for argument; do
    case $argument in
    '-?' | --help | --print-defaults | -V | --version) exec "$@" ;;
    esac
done

# from_file NAME: gives the variable NAME the contents of the file that NAME_FILE names, if any.
from_file() {
    eval "value=\${$1:-} file=\${$1_FILE:-}"
    if [ -n "$file" ]; then
        [ -z "$value" ] || die "both $1 and $1_FILE are set"
        value=$(cat "$file")
    fi
    unset "$1_FILE"
    export "$1=$value"
}

# This part runs twice when the container is started as root: the first time it reads what root may, and
# leaves it in the environment.
for name in ROOT_HOST DATABASE USER PASSWORD ROOT_PASSWORD; do
    from_file MYSQL_$name
    [ $product = MySQL ] && continue
    from_file MARIADB_$name
    eval "export MYSQL_$name=\"\${MARIADB_$name:-\$MYSQL_$name}\""
done
: "${MYSQL_ROOT_HOST:=%}"
: "${MYSQL_ALLOW_EMPTY_PASSWORD:=${MARIADB_ALLOW_EMPTY_ROOT_PASSWORD:-}}"
: "${MYSQL_RANDOM_ROOT_PASSWORD:=${MARIADB_RANDOM_ROOT_PASSWORD:-}}"

if [ -z "${ENTRYPOINT_SOCKET:-}" ]; then
    # Options may come from files, too; the server itself knows. It also says here which are wrong.
    settings=$("$@" --verbose --help 2>/tmp/entrypoint.log) || die "the server refuses its options: $(cat /tmp/entrypoint.log)"
    rm -f /tmp/entrypoint.log
    ENTRYPOINT_DATA=$(echo "$settings" | sed -n 's/^datadir  *//p')
    ENTRYPOINT_SOCKET=$(echo "$settings" | sed -n 's/^socket  *//p')
    export ENTRYPOINT_DATA ENTRYPOINT_SOCKET
    mkdir -p "$ENTRYPOINT_DATA"
fi
data=${ENTRYPOINT_DATA%/} socket=$ENTRYPOINT_SOCKET

if [ "$(id -u)" = 0 ]; then
    find "$data" "${socket%/*}" ! -user mysql -exec chown -h mysql: {} +
    exec gosu mysql "$0" "$@"
fi
unset ENTRYPOINT_DATA ENTRYPOINT_SOCKET

# The name is the official images', for scripts in /docker-entrypoint-initdb.d. Passwords travel in the
# environment and on stdin, never among arguments, which every process can read.
docker_process_sql() {
    [ -z "$MYSQL_DATABASE" ] || set -- --database="$MYSQL_DATABASE" "$@"
    MYSQL_PWD=$password mysql --no-defaults --user=root --protocol=socket --socket="$socket" \
        --default-character-set=utf8mb4 --comments "$@"
}

# quoted TEXT: the inside of a string in SQL.
quoted() { printf %s "$1" | sed -e 's/\\/\\\\/g' -e "s/'/\\\\'/g"; }
# named TEXT: an identifier in SQL.
named() { printf '`%s`' "$(printf %s "$1" | sed 's/`/``/g')"; }

create_files() {
    if [ $product = MySQL ]; then
        "$@" --initialize-insecure --default-time-zone=SYSTEM
        return
    fi
    # What mariadb-install-db does, without the detours.
    {
        # Of a line, only the first statement is read.
        printf '%s\n' 'create database mysql;' 'use mysql;' 'set @auth_root_socket = null;'
        for part in mysql_system_tables mysql_performance_tables mysql_system_tables_data fill_help_tables \
            maria_add_gis_sp_bootstrap mysql_sys_schema; do
            cat /usr/share/mysql/$part.sql
        done
    } | "$@" --bootstrap --silent-startup --log-warnings=0 --enforce-storage-engine= --max-allowed-packet=8M \
        --net-buffer-length=16K --old-mode=UTF8_IS_UTF8MB3 --default-time-zone=SYSTEM --skip-log-bin \
        --expire-logs-days=0 --loose-innodb-buffer-pool-dump-at-shutdown=0
}

users() {
    host=$(quoted "$MYSQL_ROOT_HOST")
    root_password=$(quoted "$MYSQL_ROOT_PASSWORD")
    echo "set autocommit = 1; set @@session.sql_log_bin = 0;"
    # The quoting above counts on backslashes.
    echo "set @@session.sql_mode = replace(@@session.sql_mode, 'NO_BACKSLASH_ESCAPES', '');"
    if [ $product = MariaDB ]; then
        echo "drop user if exists root@'127.0.0.1', root@'::1';"
        echo "execute immediate concat('drop user if exists root@''', @@hostname, '''');"
    fi
    if [ "$MYSQL_ROOT_HOST" != localhost ]; then
        echo "create user root@'$host' identified by '$root_password'; grant all on *.* to root@'$host' with grant option;"
        [ $product = MySQL ] || echo "grant proxy on ''@'%' to root@'$host' with grant option;"
    fi
    echo "alter user root@localhost identified by '$root_password';"
    [ -z "$MYSQL_DATABASE" ] || echo "create database if not exists $(named "$MYSQL_DATABASE");"
    [ -n "$MYSQL_USER" ] && [ -n "$MYSQL_PASSWORD" ] || return 0
    echo "create user '$(quoted "$MYSQL_USER")'@'%' identified by '$(quoted "$MYSQL_PASSWORD")';"
    # In a grant, a bare _ stands for any character.
    [ -z "$MYSQL_DATABASE" ] ||
        echo "grant all on $(named "$MYSQL_DATABASE" | sed 's/_/\\_/g').* to '$(quoted "$MYSQL_USER")'@'%';"
}

run_file() {
    case $1 in
    *.sh)
        note "running $1"
        # shellcheck disable=SC1090
        if [ -x "$1" ]; then "$1"; else . "$1"; fi
        ;;
    *.sql) note "running $1"; docker_process_sql <"$1" ;;
    *.sql.gz) note "running $1"; gunzip -c "$1" | docker_process_sql ;;
    *) note "ignoring $1" ;;
    esac
}

initialise() {
    [ -n "$MYSQL_ROOT_PASSWORD$MYSQL_ALLOW_EMPTY_PASSWORD$MYSQL_RANDOM_ROOT_PASSWORD" ] ||
        die "Database is uninitialized and password option is not specified: set MYSQL_ROOT_PASSWORD," \
            "MYSQL_ROOT_PASSWORD_FILE, MYSQL_ALLOW_EMPTY_PASSWORD or MYSQL_RANDOM_ROOT_PASSWORD"
    [ "$MYSQL_USER" != root ] || die "MYSQL_USER cannot be root, which exists already"
    note "Initializing database files"
    create_files "$@"

    # Nobody outside may take this one for the real server: it has no port.
    note "Starting temporary server"
    "$@" --skip-networking --default-time-zone=SYSTEM --socket="$socket" \
        --loose-innodb-buffer-pool-load-at-startup=0 &
    server=$!
    password=
    until answer=$(echo 'select 1' | docker_process_sql --database=mysql 2>&1); do
        case $answer in
        *'Access denied'*) die "root has a password already; an --init-file may not set it before the data exist" ;;
        esac
        kill -0 $server 2>/dev/null || die "the temporary server ended"
        [ $((tries += 1)) -lt 1200 ] || die "the temporary server does not answer"
        sleep 0.1
    done
    if [ -n "$MYSQL_RANDOM_ROOT_PASSWORD" ]; then
        MYSQL_ROOT_PASSWORD=$(head -c 24 /dev/urandom | base64)
        note "GENERATED ROOT PASSWORD: $MYSQL_ROOT_PASSWORD"
    fi
    users | docker_process_sql --database=mysql
    password=$MYSQL_ROOT_PASSWORD
    for file in /docker-entrypoint-initdb.d/*; do
        [ ! -e "$file" ] || run_file "$file"
    done
    note "Stopping temporary server"
    kill $server
    wait $server
    note "$product init process done. Ready for start up."
}

[ -d "$data/mysql" ] || initialise "$@"
# The server has no use for them.
unset MYSQL_ROOT_PASSWORD MYSQL_PASSWORD MARIADB_ROOT_PASSWORD MARIADB_PASSWORD
exec "$@"
