// Package embed turns sentences into vectors with bge-small-zh-v1.5 (512 numbers)
// and bge-small-en-v1.5 (384) on ONNX Runtime (Xiao et al. 2023, "C-Pack").
//
//	text -> fold -> cache? -> queue -> one of few workers -> pieces -> session -> CLS, mean -> unit length
//
// One Service per process owns the runtime, both models and the cache. It embeds
// one sentence at a time: int8 quantisation looks at the whole batch, so a sentence
// in company gets another vector than alone. It refuses a language without a model,
// and work beyond its queue. The runtime is found by path when the service starts,
// so whatever imports this package builds and runs where it is absent.
package embed
