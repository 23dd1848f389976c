# The demo's caller: human readings out of Debian's pocketsphinx-testdata
# (LibriVox, public domain), copied to build/caller with the words that are
# spoken in them, one line of "file<TAB>text" each, in the order of the book.
# manifest.jsonl says the same in the form that `bin/pbx score asr` reads.

readings=/usr/share/pocketsphinx/test/data

install_caller() {
	local version dir=build/caller
	version="2 $(pinned sense-1.wav)"
	done_before caller "$version" $dir/transcript.txt $dir/manifest.jsonl $dir/sense-1.wav $dir/cards/transcript.txt && return
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
	local n=0 words name bytes
	while IFS=$'\t' read -r words name; do
		n=$((n + 1))
		install -m 644 "$readings/$2/$name.wav" "$4/$3-$n.wav"
		printf '%s\t%s\n' "$3-$n.wav" "$words" >>"$4/transcript.txt"
		# 16 kHz, 16 bits, mono, after a header of 44 bytes.
		bytes=$(stat -c %s "$4/$3-$n.wav")
		printf '{"corpus": "pocketsphinx-%s", "id": "%s", "audio": "%s", "lang": "en", "speaker": "%s", "text": "%s", "sample_rate": 16000, "seconds": %s}\n' \
			"$2" "$3-$n" "$3-$n.wav" "$2" "$words" "$(awk -v b="$bytes" 'BEGIN { printf "%.3f", (b - 44) / 32000 }')" >>"$4/manifest.jsonl"
	done < <(sed -n 's/^<s> *\(.*[^ ]\) *<\/s> *(\(.*\))[[:space:]]*$/\1\t\2/p' "$readings/$1")
	[[ $n -gt 0 ]] || die "no readings found in $readings/$1"
}
