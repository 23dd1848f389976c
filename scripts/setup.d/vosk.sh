# The recogniser's library and its Go binding, laid out as the binding's own
# cgo lines expect them: build/vosk-api/{go,src}. Nothing needs exported
# variables then: `go build`, `go vet` and gopls find header and library.

vosk_jar=vosk-0.3.45.jar
vosk_coordinate=com.alphacephei:vosk:0.3.45:jar
binding=github.com/alphacep/vosk-api/go
binding_version=v0.3.50

install_libvosk() {
	local src=build/vosk-api/src version
	version="$(pinned libvosk.so) $(sha256sum asr/vosk/vosk_api.h)"
	done_before libvosk "$version" $src/libvosk.so $src/vosk_api.h && return
	local machine
	machine=$(uname -sm)
	[[ $machine == "Linux x86_64" ]] ||
		die "libvosk is published for Linux x86_64 only as far as this set-up knows, and this is $machine"
	maven "$vosk_coordinate" "$vosk_jar"
	local new=$scratch/libvosk
	rm -rf "$new"
	mkdir -p "$new"
	unzip -qoj "$scratch/$vosk_jar" linux-x86-64/libvosk.so -d "$new"
	verify "$new/libvosk.so" libvosk.so
	cp asr/vosk/vosk_api.h "$new/"
	chmod 644 "$new"/*
	place "$new" $src
	rm -f "$scratch/$vosk_jar"
	mark_done libvosk "$version"
}

# install_binding copies the Go module out of the read-only module cache. The
# Go command has compared the module with go.sum by then.
install_binding() {
	local dir=build/vosk-api/go
	done_before binding "$binding_version" $dir/vosk.go $dir/go.mod && return
	local from new=$scratch/binding
	from=$(GOWORK=off GOFLAGS=-mod=mod retry go mod download -json "$binding@$binding_version" |
		sed -n 's/^[[:space:]]*"Dir": "\(.*\)",\{0,1\}$/\1/p')
	[[ -d $from ]] || die "the Go command could not fetch $binding@$binding_version"
	rm -rf "$new"
	mkdir -p "$new"
	cp "$from"/{go.mod,doc.go,vosk.go,COPYING} "$new/"
	chmod -R u+w "$new"
	place "$new" $dir
	mark_done binding "$binding_version"
}

# write_workspace makes the Go command take the binding from build/. go.work is
# never committed, so whoever fetches the module elsewhere isn't bound by it.
write_workspace() {
	local want
	want=$(
		sed -n 's/^go /go /p' go.mod
		printf '\nuse .\n\nreplace %s %s => ./build/vosk-api/go\n' "$binding" "$binding_version"
	)
	[[ -f go.work && $(<go.work) == "$want" ]] && return
	printf '%s\n' "$want" >go.work.new
	mv go.work.new go.work
	work_done=1
}
