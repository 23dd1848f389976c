# What reads text: ONNX Runtime into build/onnxruntime and the two sentence
# models (Chinese, English) with their tokenizers into models/bge-small-zh and
# models/bge-small-en. The runtime's version is part of every stored vector's
# version: another one moves them (int8 kernels differ), so it is pinned here
# and changing it means to index again.

runtime_version=1.24.2
runtime_jar=onnxruntime-$runtime_version.jar
runtime_coordinate=com.microsoft.onnxruntime:onnxruntime:$runtime_version:jar
embeddings_group=dev.langchain4j
embeddings_version=1.11.0-beta19

install_understanding() {
	install_runtime
	install_embedding zh
	install_embedding en
}

install_runtime() {
	local dir=build/onnxruntime version machine new=$scratch/onnxruntime
	version="$runtime_version $(pinned libonnxruntime.so)"
	done_before onnxruntime "$version" $dir/libonnxruntime.so && return
	machine=$(uname -sm)
	[[ $machine == "Linux x86_64" ]] ||
		die "this set-up knows ONNX Runtime for Linux x86_64 only, and this is $machine"
	maven "$runtime_coordinate" "$runtime_jar"
	rm -rf "$new"
	mkdir -p "$new"
	unzip -qoj "$scratch/$runtime_jar" ai/onnxruntime/native/linux-x64/libonnxruntime.so ThirdPartyNotices.txt -d "$new"
	verify "$new/libonnxruntime.so" libonnxruntime.so
	chmod 644 "$new"/*
	place "$new" $dir
	rm -f "$scratch/$runtime_jar"
	mark_done onnxruntime "$version"
}

# install_embedding LANG
install_embedding() {
	local lang=$1 version
	local name=bge-small-$lang-v1.5-q artifact=langchain4j-embeddings-bge-small-$lang-v15-q
	local jar=$artifact-$embeddings_version.jar dir=models/bge-small-$lang new=$scratch/bge-small-$lang
	version="$(pinned "$name.onnx") $(pinned "$name-tokenizer.json")"
	done_before "bge-small-$lang" "$version" "$dir/model.onnx" "$dir/tokenizer.json" && return
	maven "$embeddings_group:$artifact:$embeddings_version:jar" "$jar"
	rm -rf "$new"
	mkdir -p "$new"
	unzip -qoj "$scratch/$jar" "$name.onnx" "$name-tokenizer.json" -d "$new"
	verify "$new/$name.onnx" "$name.onnx"
	verify "$new/$name-tokenizer.json" "$name-tokenizer.json"
	mv "$new/$name.onnx" "$new/model.onnx"
	mv "$new/$name-tokenizer.json" "$new/tokenizer.json"
	chmod 644 "$new"/*
	place "$new" "$dir"
	rm -f "$scratch/$jar"
	mark_done "bge-small-$lang" "$version"
}
