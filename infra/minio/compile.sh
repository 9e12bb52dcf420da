#!/bin/sh
# compile.sh DIR: builds MinIO from its pinned source, and the probe its image's health check runs,
# into DIR/bin. Runs in the build stage of the Dockerfile and on any machine with Go 1.24 or newer.
#
# MinIO's images have left the public registry and its repository is archived. Release tags are not
# Go module versions, so the pin is the pseudo-version of the last commit; the version strings are what
# MinIO's own build script writes for that commit (without them every binary is "DEVELOPMENT.GOGET").
set -eu

out=$1
here=$(cd "$(dirname "$0")" && pwd)
module=github.com/minio/minio
time=2026-02-12T20:18:48Z
commit=7aac2a2c5b7c
pin=v0.0.0-20260212201848-$commit

flags="-s -w"
flags="$flags -X $module/cmd.Version=$time"
flags="$flags -X $module/cmd.ReleaseTag=DEVELOPMENT.$(echo $time | tr : -)"
flags="$flags -X $module/cmd.CommitID=$commit -X $module/cmd.ShortCommitID=$commit"
flags="$flags -X $module/cmd.CopyrightYear=2026"

mkdir -p "$out/bin" "$out/data"
out=$(cd "$out" && pwd)
export CGO_ENABLED=0

# One change. A request whose client dies between its last chunk and the end of its trailer is never given up: reading the
# trailer ends at io.EOF alone, and what a broken connection says instead is another error. It then writes zeros into a
# buffer until the machine's memory is used up. Nobody mends an archived repository.
source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT
fetched=$(cd "$source" && go mod download -json "$module@$pin" | sed -n 's/^.*"Dir": "\(.*\)".*$/\1/p')
# Of a pipe only the last part's failure is seen.
[ -n "$fetched" ] || { echo "the source of $module cannot be had"; exit 1; }
cp -R "$fetched/." "$source"
chmod -R u+w "$source"
for file in streaming-signature-v4.go streaming-v4-unsigned.go; do
    sed -i '/readTrailers() error {$/,/^}$/ {
        /^\t\t\tif err == io.EOF {$/,/^\t\t}$/ s/^\t\t}$/\t\t\treturn err\n\t\t}/
    }' "$source/cmd/$file"
    grep -q '^			return err$' "$source/cmd/$file" || { echo "$file is another than was expected"; exit 1; }
done

(cd "$source" && go build -trimpath -ldflags "$flags" -o "$out/bin/minio" .)
go build -trimpath -ldflags "-s -w" -o "$out/bin/probe" "$here/probe.go"
