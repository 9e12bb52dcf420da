#!/bin/sh
# compile.sh DIR: builds MinIO from its pinned source, and the probe its image's health check runs,
# into DIR/bin. Runs in the build stage of the Dockerfile and on any machine with Go 1.24 or newer.
#
# MinIO's images have left the public registry and its repository is archived. Release tags are not
# Go module versions, so the pin is the pseudo-version of the last commit; the version strings are what
# MinIO's own build script writes for that commit (without them every binary is "DEVELOPMENT.GOGET").
set -eu

out=$1
here=$(dirname "$0")
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
export CGO_ENABLED=0
GOBIN=$out/bin go install -trimpath -ldflags "$flags" "$module@$pin"
go build -trimpath -ldflags "-s -w" -o "$out/bin/probe" "$here/probe.go"
