#!/bin/sh
# load.sh ROOT WORK NODE TAG: the file system NODE becomes image TAG in a Docker store under WORK/docker. Runs in
# namespaces of its own: whatever is started or mounted here ends with it.
set -eu
root=$1 work=$2 node=$3 tag=$4 m=$2/m

# The root stays as it is: what Docker writes goes to WORK.
mkdir -p "$m" "$work/upper" "$work/scratch" "$work/docker"
mount -t overlay -o "lowerdir=$root,upperdir=$work/upper,workdir=$work/scratch" root "$m"
mount --bind "$work/docker" "$m/var/lib/docker"
mount -t proc proc "$m/proc"
mount -t sysfs sysfs "$m/sys"
mount -t cgroup2 cgroup "$m/sys/fs/cgroup" || echo "no cgroup2 here"
mount --rbind /dev "$m/dev"
for d in run tmp; do mount -t tmpfs tmpfs "$m/$d"; done
ip link set lo up

unset DOCKER_HOST DOCKER_CONTEXT DOCKER_CONFIG
chroot "$m" containerd &
containerd=$!
chroot "$m" dockerd --config-file /dev/null --storage-driver overlay2 --exec-opt native.cgroupdriver=cgroupfs \
	--bridge=none --iptables=false --ip6tables=false --containerd /run/containerd/containerd.sock &
dockerd=$!
tries=0
until chroot "$m" docker version > /dev/null 2>&1; do
	tries=$((tries + 1))
	if [ "$tries" -gt 300 ] || ! kill -0 "$dockerd" 2> /dev/null; then
		echo "dockerd does not answer"
		exit 1
	fi
	sleep 0.2
done

# What kind expects of a node image, see its images/base/Dockerfile; GOMAXPROCS as everywhere in the machine.
mkfifo "$work/tar"
tar -C "$node" --numeric-owner --xattrs --xattrs-include='*' -cf "$work/tar" . &
tar=$!
chroot "$m" docker import \
	--change 'ENV container=docker' --change 'ENV GOMAXPROCS=1' \
	--change 'ENTRYPOINT ["/usr/local/bin/entrypoint","/sbin/init"]' --change 'STOPSIGNAL SIGRTMIN+3' \
	- "$tag" < "$work/tar"
wait "$tar"
chroot "$m" docker image inspect --format '{{.Id}} {{.Size}}' "$tag"
kill "$dockerd"
wait "$dockerd" || true
kill "$containerd"
wait "$containerd" || true
