#!/usr/bin/env bash
# build.sh [--offline]: makes, unless they exist, images that obey the contract of the official ones, for
# tests and for machines without a registry:
#
#   pannier-mariadb:10.11 ($MARIADB_IMAGE)   as mariadb:10.11, from Debian 12's packages
#   pannier-redis:7.0 ($REDIS_IMAGE)         as redis:7, from Debian 12's packages
#   pannier-mysql:9 ($MYSQL_IMAGE)           as mysql:9, from Debian sid's packages, when they can be had
#
# No registry is asked (the official images need no building), so --offline changes nothing. Packages are
# fetched and unpacked, not installed; what an image needs of them is kept in the cache folder.
set -euo pipefail
cd "$(dirname "$0")"
. ../lib.sh

home=$CACHE/databases
# The cached root file systems are as good as the script that made them.
version=$(sha256sum build.sh | cut -c1-12)
# Options for apt: none for the machine's own sources, those of use_sid for sid.
apt=()

# offers PACKAGE VERSION: fails unless the version that apt would install begins so.
offers() {
    apt-cache "${apt[@]}" policy "$1" | grep "Candidate: $2" || { echo "apt has no $1 $2"; return 1; }
}

# fetch DIR PACKAGE...: unpacks them, and every library they depend on, into one tree.
fetch() {
    local tree=$1/tree packages=$1/packages folder package
    shift
    mkdir -p "$packages" "$tree"/usr/{bin,sbin,lib,lib64}
    # One layout for Debian 12's packages, some of which still say /bin and /lib, and for sid's.
    for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$tree/$folder"; done
    # With nothing installed as the starting point, apt names all that is depended on.
    apt-get "${apt[@]}" -o Dir::State::status=/dev/null --no-install-recommends --simulate install "$@" |
        sed -n 's/^Inst \(z\{0,1\}lib[^ ]*\) .*/\1/p' | grep -v perl >"$packages/libraries"
    (cd "$packages" && xargs apt-get "${apt[@]}" --quiet download "$@" <libraries)
    for package in "$packages"/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar --extract --keep-directory-symlink --directory "$tree"
    done
}

# install_program ROOT TREE PATH...: copies programs (and what they link to) with the libraries that TREE's
# own loader finds in TREE. As ../rootfs.sh does, but nothing of this machine gets in: its C library may
# be older than the tree's.
install_program() {
    local root=$1 tree=$2 program loader libraries found name library
    shift 2
    libraries=$(dirname "$tree"/usr/lib/*/libc.so.6)
    mkdir -p "$root/usr/lib/${libraries##*/}" "$root/usr/lib64"
    loader=$(basename "$libraries"/ld-linux*.so.*)
    # Programs name the loader by a path, which differs between architectures.
    cp -L "$libraries/$loader" "$root/usr/lib/${libraries##*/}/"
    ln -sf "../lib/${libraries##*/}/$loader" "$root/usr/lib64/$loader"
    ln -sf "${libraries##*/}/$loader" "$root/usr/lib/$loader"
    for program in "$@"; do
        mkdir -p "$root/${program%/*}"
        cp -P "$tree/$program" "$root/$program"
        if [ -L "$tree/$program" ]; then
            program=${program%/*}/$(readlink "$tree/$program")
            cp "$tree/$program" "$root/$program"
        fi
        # A static program is no business of the loader's.
        "$libraries/$loader" --verify "$tree/$program" || [ $? = 2 ] || continue
        found=$("$libraries/$loader" --inhibit-cache --library-path "$libraries" --list "$tree/$program" |
            sed -n 's/^[[:space:]]*\(.*\) => \([^ ]*\).*$/\1 \2/p')
        while read -r name library; do
            case $library in
            "$tree"/lib64/* | "$tree"/usr/lib64/*) ;;
            "$tree"/*) cp -L "$library" "$root/usr/lib/${libraries##*/}/" ;;
            *) echo "$program needs $name, which no package brought"; return 1 ;;
            esac
        done <<<"$found"
    done
}

# root_file_system NAME USER FOLDERS PACKAGE... -- FILE...: what the image NAME holds beside its settings, as
# an archive, because only an archive keeps owners. FOLDERS belong to USER, 999 as in the official images.
# Files are paths in the packages: programs, and data, which is copied as it is.
root_file_system() {
    local name=$1 user=$2 folders packages=() work root tree file
    read -ra folders <<<"$3"
    shift 3
    while [ "$1" != -- ]; do packages+=("$1"); shift; done
    shift
    work=$home/$name root=$work/root tree=$work/tree
    rm -rf "$work"
    fetch "$work" busybox-static gosu "${packages[@]}"

    mkdir -p "$root"/usr/{bin,sbin,lib,lib64,local/bin} "$root"/{etc,run,var,root,docker-entrypoint-initdb.d} "$root/tmp"
    for file in bin sbin lib lib64; do ln -s "usr/$file" "$root/$file"; done
    ln -s ../run "$root/var/run"
    for file in usr/bin/busybox usr/sbin/gosu "$@"; do
        case $file in
        usr/bin/* | usr/sbin/* | *.so) install_program "$root" "$tree" "$file" ;;
        *) mkdir -p "$root/${file%/*}"; cp -R "$tree/$file" "$root/$file" ;;
        esac
    done
    for file in $("$tree/usr/bin/busybox" --list); do
        [ -e "$root/usr/bin/$file" ] || [ -e "$root/usr/sbin/$file" ] || ln -s busybox "$root/usr/bin/$file"
    done
    # Settings may be mounted there.
    [ "$user" = redis ] || mkdir -p "$root"/etc/mysql/{mariadb.conf.d,conf.d}
    [ ! -e "$root/usr/sbin/mariadbd" ] || ln -s mariadbd "$root/usr/sbin/mysqld"
    [ ! -e "$root/usr/bin/mariadb-admin" ] || ln -s mariadb-admin "$root/usr/bin/mysqladmin"
    printf 'root:x:0:0:root:/root:/bin/sh\n%s:x:999:999::/%s:/bin/false\n' "$user" "${folders[0]}" >"$root/etc/passwd"
    printf 'root:x:0:\n%s:x:999:\n' "$user" >"$root/etc/group"
    (cd "$root" && mkdir -p "${folders[@]}" && chmod 1777 tmp)
    # Whatever user a container is given may write there.
    [ "$user" = redis ] || chmod 1777 "$root/var/lib/mysql" "$root/run/mysqld"
    [ ! -e "$root/var/lib/mysql-files" ] || chmod 750 "$root/var/lib/mysql-files"

    tar --create --file "$work/rootfs.tar" --directory "$root" --sort=name --owner=0 --group=0 .
    tar --append --file "$work/rootfs.tar" --directory "$root" --owner=999 --group=999 --no-recursion "${folders[@]/#/./}"
    rm -f "$home/$name"-*.tar
    mv "$work/rootfs.tar" "$home/$name-$version.tar"
    rm -rf "$work"
}

mariadb_root() {
    local data=usr/share/mysql
    offers mariadb-server-core 1:10.11.
    root_file_system mariadb mysql "var/lib/mysql run/mysqld" \
        mariadb-server-core mariadb-client-core mariadb-client -- \
        usr/sbin/mariadbd usr/bin/mysql usr/bin/mariadb-admin usr/bin/my_print_defaults \
        $data/charsets $data/english $data/mysql_{system_tables,performance_tables,system_tables_data,sys_schema}.sql \
        $data/fill_help_tables.sql $data/maria_add_gis_sp_bootstrap.sql
}

redis_root() {
    offers redis-server 5:7.0.
    root_file_system redis redis data redis-server redis-tools -- usr/bin/redis-server usr/bin/redis-cli
}

mysql_root() {
    use_sid
    # The one plugin is a part of every server: it is loaded at the start.
    root_file_system mysql mysql "var/lib/mysql run/mysqld var/lib/mysql-files" \
        mysql-server-core mysql-client-core -- \
        usr/sbin/mysqld usr/bin/mysql usr/bin/mysqladmin \
        usr/lib/mysql/plugin/component_reference_cache.so usr/share/mysql/charsets usr/share/mysql/english
}

# Makes apt look at Debian sid, as some archive that it is set up for has it, and at nothing else; all that
# it then writes goes to a folder of its own. Fails unless sid has MySQL 9.
use_sid() {
    local own=$home/sid archive
    mkdir -p "$own/lists/partial" "$own/cache/archives/partial"
    apt=(-o "Dir::Etc::SourceList=$own/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State=$own" -o "Dir::State::Lists=$own/lists" -o Dir::State::status=/dev/null
        -o "Dir::Cache=$own/cache" -o APT::Sandbox::User=root)
    while read -r archive; do
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive sid main" >"$own/sources.list"
        apt-get "${apt[@]}" --quiet update || continue
        if offers mysql-server-core 9.; then return 0; fi
    done < <(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sort -u)
    echo "no archive that apt is set up for has MySQL 9 in sid"
    return 1
}

have_root() { [ -e "$home/$1-$version.tar" ]; }

# build NAME IMAGE FILE...: the files lie beside the root file system when NAME.Dockerfile is built.
build() {
    local name=$1 image=$2 context
    have_root "$name" || "${name}_root"
    context=$home/$name-context
    rm -rf "$context"
    mkdir "$context"
    ln "$home/$name-$version.tar" "$context/rootfs.tar"
    cp "${@:3}" "$context/"
    docker build --file "$name.Dockerfile" --tag "$image" "$context"
    rm -rf "$context"
}

# image NAME IMAGE FILE...: unless it exists.
image() {
    if have_image "$2"; then
        step "image $2 (exists)" true
    else
        step "image $2 (Debian packages)" build "$@"
    fi
}

# Sid changes daily, and not every archive has it: what is missing there is no failure here.
mysql_image() {
    local image=$1 began=$SECONDS log=$CACHE/log/mysql-packages.log status=0
    if ! have_image "$image" && ! have_root mysql; then
        set +e
        (set -e; mysql_root) >"$log" 2>&1 </dev/null
        status=$?
        set -e
        if [ "$status" -ne 0 ]; then
            printf '%-44s NOT made: no MySQL 9 from Debian sid (%s)\n' "image $image" "$log"
            return 0
        fi
        printf '%-44s %5ds\n' "MySQL packages of Debian sid" $((SECONDS - began))
    fi
    image mysql "$image" sql-entrypoint.sh mysql.cnf
}

mkdir -p "$home"
image mariadb "${MARIADB_IMAGE:-pannier-mariadb:10.11}" sql-entrypoint.sh mariadb.cnf
image redis "${REDIS_IMAGE:-pannier-redis:7.0}" redis-entrypoint.sh
mysql_image "${MYSQL_IMAGE:-pannier-mysql:9}"
