# The English speech model, twice: as published, with graphs that are composed
# while decoding (models/vosk-en, takes phrase lists), and compiled once into
# one static graph (models/vosk-en-static, five times less CPU, same words).

model_aar=vosk-model-en-0.3.45.aar
model_coordinate=com.alphacephei:vosk-model-en:0.3.45:aar
model=models/vosk-en
static=models/vosk-en-static
static_recipe=1

install_model() {
	local version
	version=$(pinned "$model_aar")
	done_before model "$version" $model/am/final.mdl $model/graph/Gr.fst $model/graph/HCLr.fst $model/conf/model.conf && return
	maven "$model_coordinate" "$model_aar"
	local new=$scratch/model
	rm -rf "$new"
	mkdir -p "$new"
	unzip -qo "$scratch/$model_aar" 'assets/model-en-us/*' -d "$new"
	chmod -R u=rwX,go=rX "$new"
	place "$new/assets/model-en-us" $model
	rm -rf "$new" "$scratch/$model_aar"
	mark_done model "$version"
}

# install_static_model composes lexicon and language model with OpenFst. The
# step is only a gain: without the tools the published graph does the work.
install_static_model() {
	local version plugins tool
	version="$(pinned "$model_aar") recipe $static_recipe"
	done_before static "$version" $static/graph/HCLG.fst $static/graph/words.txt $static/am/final.mdl $static/conf/model.conf && return
	plugins=$(find /usr/lib /usr/local/lib -path '*/fst/22/olabel_lookahead-fst.so' -printf '%h\n' -quit 2>/dev/null || true)
	for tool in fstsymbols fstcompose fstrelabel fstconnect fstconvert; do
		command -v $tool >/dev/null || plugins=
	done
	if [[ -z $plugins ]]; then
		warn "no OpenFst tools (Debian: libfst-tools libfst22-plugins-base): the dynamic graph is used, at five times the CPU"
		return
	fi
	say "compiling the static decoding graph, about a minute"
	local new=$scratch/static
	rm -rf "$new"
	mkdir -p "$new/graph/phones" "$new/tmp"
	if ! compile_graph "$plugins" "$new/tmp" "$new/graph"; then
		rm -rf "$new"
		warn "OpenFst could not compile the graph (its words are above): the dynamic graph is used, at five times the CPU"
		return
	fi
	check_graph "$new/graph"
	cp -r $model/am $model/conf $model/ivector "$new/"
	cp $model/graph/phones/word_boundary.int "$new/graph/phones/"
	rm -rf "$new/tmp"
	place "$new" $static
	mark_done static "$version"
}

# compile_graph PLUGINS TMP OUT writes OUT/HCLG.fst and OUT/words.txt.
# - The symbol tables leave Gr.fst first: libvosk's OpenFst can't read those
#   that version 1.7.9 writes.
# - fstcompose chooses look-ahead by the type of HCLr.fst; its plug-ins are
#   found only along LD_LIBRARY_PATH.
# - Disambiguation symbols have done their work after composing and become 0.
compile_graph() (
	export LD_LIBRARY_PATH=$1
	tmp=$2 out=$3
	awk '{ print $1, 0 }' $model/graph/disambig_tid.int >"$tmp/pairs" &&
		fstsymbols --save_osymbols="$out/words.txt" --clear_isymbols --clear_osymbols $model/graph/Gr.fst "$tmp/G1" &&
		fstconvert --fst_type=const "$tmp/G1" "$tmp/G2" && rm "$tmp/G1" &&
		fstcompose $model/graph/HCLr.fst "$tmp/G2" "$tmp/C1" && rm "$tmp/G2" &&
		fstrelabel --relabel_ipairs="$tmp/pairs" "$tmp/C1" "$tmp/C2" && rm "$tmp/C1" &&
		fstconnect "$tmp/C2" "$tmp/C3" && rm "$tmp/C2" &&
		fstconvert --fst_type=const "$tmp/C3" "$out/HCLG.fst" && rm "$tmp/C3"
)

# check_graph only warns: another OpenFst may number the states otherwise and
# still be right.
check_graph() {
	local name have
	for name in HCLG.fst words.txt; do
		have=$(sha256sum "$1/$name" | cut -d' ' -f1)
		[[ $have == "$(pinned $name)" ]] ||
			warn "$name differs from the one this project was measured with (sha256 $have); another version of OpenFst explains that"
	done
}
