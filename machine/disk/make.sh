#!/bin/sh
# make.sh ROOT WORK STORE GIB: WORK/disk.img, an ext4 of GIB GiB with ROOT, WORK/docker as /var/lib/docker and STORE,
# if not empty, as /srv/store. Runs in a mount namespace of its own.
set -eu
root=$1 work=$2 store=$3 size=$4 m=$2/m
mkdir -p "$m"
mount --bind "$root" "$m"
mount --bind "$work/docker" "$m/var/lib/docker"
[ -z "$store" ] || mount --bind "$store" "$m/srv/store"
rm -f "$work/disk.img"
truncate -s "${size}G" "$work/disk.img"
# No journal: the disk never lives longer than its machine.
mkfs.ext4 -q -F -O ^has_journal -E lazy_itable_init=1,nodiscard -m 0 -d "$m" "$work/disk.img"
