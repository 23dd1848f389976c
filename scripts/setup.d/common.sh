# Shared by the parts of scripts/setup: messages, lock, stamps, checksums.
# Sourced with $root set and as working directory.

stamps=build/stamps
scratch=build/scratch
work_done=0
started=$SECONDS

say() { printf 'setup: %s\n' "$*"; }

warn() { printf 'setup: warning: %s\n' "$*" >&2; }

die() {
	printf 'setup: %s\n' "$*" >&2
	exit 1
}

# lock makes a second set-up in the same clone wait for the first one. The lock
# is the kernel's and ends with the process, however that ends.
lock() {
	mkdir -p "$stamps" "$scratch"
	exec 9>build/setup.lock
	if ! flock -n 9; then
		say "another set-up is running here, waiting for it"
		flock 9
	fi
}

# done_before STEP VERSION FILE... is true when STEP was finished with this very
# VERSION (whatever determines its result) and its files are still there.
done_before() {
	local step=$1 version=$2 file
	shift 2
	[[ -f $stamps/$step && $(<"$stamps/$step") == "$version" ]] || return 1
	for file in "$@"; do
		[[ -s $file ]] || return 1
	done
}

# mark_done STEP VERSION writes the stamp that done_before looks for.
mark_done() {
	printf '%s\n' "$2" >"$stamps/$1.new"
	mv "$stamps/$1.new" "$stamps/$1"
	work_done=1
}

# pinned NAME prints the sha256 that scripts/checksums.txt gives for NAME.
pinned() {
	awk -v name="$1" '$2 == name { print $1; found = 1 } END { exit !found }' scripts/checksums.txt ||
		die "scripts/checksums.txt has no line for $1"
}

# verify FILE NAME ends the set-up when FILE isn't what the list says of NAME.
verify() {
	local have want
	want=$(pinned "$2")
	have=$(sha256sum "$1" | cut -d' ' -f1)
	[[ $have == "$want" ]] ||
		die "$2 has sha256 $have, but scripts/checksums.txt wants $want. Delete $1 and its copy in the package manager's cache, then run the set-up again"
}

# place TEMPORARY FINAL puts a finished folder where it belongs in one step.
place() {
	mkdir -p "$(dirname "$2")"
	rm -rf "$2.old"
	[[ ! -e $2 ]] || mv "$2" "$2.old"
	mv "$1" "$2"
	rm -rf "$2.old"
}

# maven COORDINATE FILE fetches group:artifact:version:type into $scratch/FILE
# and checks it. The version of Maven's own plug-in is pinned too.
maven() {
	local coordinate=$1 file=$2 plugin=org.apache.maven.plugins:maven-dependency-plugin:3.8.1
	if [[ -f $scratch/$file && $(sha256sum "$scratch/$file" | cut -d' ' -f1) == "$(pinned "$file")" ]]; then
		return
	fi
	rm -f "$scratch/$file"
	say "fetching $coordinate"
	retry mvn --batch-mode --log-file "$root/build/maven.log" "$plugin:copy" \
		-Dartifact="$coordinate" -DoutputDirectory="$root/$scratch" -Dmdep.useBaseVersion=true </dev/null >/dev/null || {
		grep '^.ERROR' build/maven.log | head -n 5 >&2
		die "Maven could not fetch $coordinate: all of its words are in build/maven.log"
	}
	verify "$scratch/$file" "$file"
}

# retry COMMAND tries three times, for registries that hiccup.
retry() {
	local try
	for try in 1 2 3; do
		"$@" && return
		[[ $try == 3 ]] || { warn "try $try of 3 failed: $1"; sleep $((try * 3)); }
	done
	return 1
}

summary() {
	rmdir "$scratch" 2>/dev/null || true
	if [[ $work_done == 1 ]]; then
		say "ready ($1) after $((SECONDS - started)) s"
	elif [[ -z ${SETUP_QUIET:-} ]]; then
		say "ready ($1), nothing to do"
	fi
}
