# Debian's packages, in two groups: what the product needs to build and run, and
# what only the tests and the pictures need.

run_packages=(
	ca-certificates unzip git make gcc g++ pkg-config libc6-dev libopus-dev
	postgresql espeak-ng libfst-tools libfst22-plugins-base pocketsphinx-testdata
)
test_packages=(sip-tester baresip chromium fonts-noto-cjk kamailio redis-server)
# Of these, Debian starts services of their own; the tests start what they need themselves.
services=(kamailio redis-server)

install_packages() {
	local group=$1 wanted=() missing=()
	[[ $group == test ]] || wanted+=("${run_packages[@]}")
	[[ $group == run ]] || wanted+=("${test_packages[@]}")
	# Tools that may have come another way than from Debian.
	command -v mvn >/dev/null || wanted+=(maven)
	command -v go >/dev/null || wanted+=(golang-go)
	command -v npm >/dev/null || wanted+=(npm)
	command -v dpkg-query >/dev/null ||
		die "this set-up installs Debian packages, and this is no Debian. Needed: ${wanted[*]}"
	mapfile -t missing < <(missing_packages "${wanted[@]}")
	[[ ${#missing[@]} -gt 0 ]] || return 0
	become_root "${missing[@]}"
	say "installing ${missing[*]}"
	retry apt_get update -qq || warn "apt-get update failed, going on with the lists that are there"
	keep_clusters_away "${missing[@]}"
	hold_services "${missing[@]}"
	retry apt_get install -y --no-install-recommends "${missing[@]}" ||
		die "apt-get could not install ${missing[*]}: see its words above"
	release_services "${missing[@]}"
	work_done=1
}

# hold_services PACKAGE... keeps those of `services` among them from being started
# by their installation: policy-rc.d answers 101, "not allowed" (Debian's
# init-system-helpers). A machine that has such a file is left as it is.
policy=/usr/sbin/policy-rc.d
policy_ours=
hold_services() {
	any_service "$@" || return 0
	[[ ! -e $policy ]] || return 0
	printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee $policy >/dev/null
	"${sudo[@]}" chmod 755 $policy
	policy_ours=1
	trap drop_policy EXIT
}

# release_services PACKAGE... takes that back; the services stay off at the next start of the machine too.
release_services() {
	local name
	for name in "${services[@]}"; do
		[[ " $* " != *" $name "* ]] || "${sudo[@]}" update-rc.d "$name" disable >/dev/null 2>&1 || true
	done
	drop_policy
}

drop_policy() {
	[[ -z $policy_ours ]] || "${sudo[@]}" rm -f $policy
	policy_ours=
}

any_service() {
	local name
	for name in "${services[@]}"; do
		[[ " $* " != *" $name "* ]] || return 0
	done
	return 1
}

# missing_packages PACKAGE... prints those that aren't installed.
missing_packages() {
	dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
		awk -v wanted="$*" '$2 == "installed" { have[$1] = 1 }
			END { n = split(wanted, w, " "); for (i = 1; i <= n; i++) if (!(w[i] in have)) print w[i] }'
}

# become_root finds out how to run apt-get, or says in one line what to do.
become_root() {
	if [[ $(id -u) == 0 ]]; then
		sudo=()
	elif sudo -n true 2>/dev/null; then
		sudo=(sudo -n)
	else
		printf 'setup: packages are missing and this user may not install them. As root:\n\n  apt-get update && apt-get install -y --no-install-recommends %s\n\nThen run the set-up again.\n' "$*" >&2
		exit 1
	fi
}

apt_get() {
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@" </dev/null >>build/apt.log 2>&1 ||
		{ tail -n 15 build/apt.log >&2; return 1; }
}

# keep_clusters_away stops Debian's package from making and starting a database
# cluster of its own: Tingxin runs a private one. A machine that has PostgreSQL
# already, or an opinion in that file, is left as it is.
keep_clusters_away() {
	local conf=/etc/postgresql-common/createcluster.conf
	[[ " $* " == *" postgresql "* ]] || return 0
	compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null && return 0
	retry apt_get install -y --no-install-recommends postgresql-common || return 0
	grep -Eq '^[[:space:]]*create_main_cluster' $conf 2>/dev/null ||
		printf '\ncreate_main_cluster = false\n' | "${sudo[@]}" tee -a $conf >/dev/null
}
