# The demo's caller: human readings out of Debian's pocketsphinx-testdata
# (LibriVox, public domain), copied to build/caller with the words that are
# spoken in them, one line of "file<TAB>text" each, in the order of the book.

readings=/usr/share/pocketsphinx/test/data

install_caller() {
	local version dir=build/caller
	version=$(pinned sense-1.wav)
	done_before caller "$version" $dir/transcript.txt $dir/sense-1.wav $dir/cards/transcript.txt && return
	[[ -d $readings/librivox ]] || die "$readings is not there: is pocketsphinx-testdata installed?"
	local new=$scratch/caller
	rm -rf "$new"
	mkdir -p "$new/cards"
	copy_readings librivox/transcription librivox sense "$new"
	copy_readings cards/cards.transcription cards card "$new/cards"
	local file
	for file in "$new"/*.wav; do
		verify "$file" "${file##*/}"
	done
	place "$new" $dir
	mark_done caller "$version"
}

# copy_readings TRANSCRIPTION FOLDER PREFIX OUT reads lines of the form
# "<s> words </s> (name)".
copy_readings() {
	local n=0 words name
	while IFS=$'\t' read -r words name; do
		n=$((n + 1))
		install -m 644 "$readings/$2/$name.wav" "$4/$3-$n.wav"
		printf '%s\t%s\n' "$3-$n.wav" "$words" >>"$4/transcript.txt"
	done < <(sed -n 's/^<s> *\(.*[^ ]\) *<\/s> *(\(.*\))[[:space:]]*$/\1\t\2/p' "$readings/$1")
	[[ $n -gt 0 ]] || die "no readings found in $readings/$1"
}
