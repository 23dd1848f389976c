package score

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"tingxin/nlp/embed"
	"tingxin/nlp/learn"
)

// TextOptions are common to the scored runs over texts.
type TextOptions struct {
	// JSON is the file for the figures.
	JSON string
	// Vectors is a folder that keeps vectors from run to run; none when empty.
	Vectors string
	// Embed configures the embedding service.
	Embed embed.Config
}

func (o *TextOptions) register(fs *flag.FlagSet) {
	fs.StringVar(&o.JSON, "json", "", "write the figures to this `file`")
	fs.StringVar(&o.Vectors, "vectors", "build/vectors", "keep vectors in this `folder` from run to run; \"\" for none")
	fs.StringVar(&o.Embed.Models, "models", "", "`folder` of the sentence models (default: models)")
	fs.StringVar(&o.Embed.Runtime, "runtime", "", "`path` of libonnxruntime.so (default: build/onnxruntime)")
}

// embedder gives vectors to a scored run, from disk where they are known.
type embedder struct {
	service *embed.Service
	dir     string
	known   map[string]map[[16]byte][]float32 // per language
}

func openEmbedder(ctx context.Context, opts TextOptions) (*embedder, error) {
	cfg := opts.Embed
	cfg.Cache = -1
	cfg.Workers = runtime.NumCPU()
	e := &embedder{service: embed.New(cfg), dir: opts.Vectors, known: make(map[string]map[[16]byte][]float32)}
	if err := e.service.Start(ctx); err != nil {
		return nil, err
	}
	return e, nil
}

func (e *embedder) close() error { return e.service.Close() }

// path of the file with a language's vectors: another version has another file.
func (e *embedder) path(lang string) string {
	version := sha256.Sum256([]byte(e.service.Version(lang)))
	return filepath.Join(e.dir, fmt.Sprintf("%s-%x.vec", lang, version[:6]))
}

// read loads what the folder knows. A file that was cut short is used up to there.
func (e *embedder) read(lang string) map[[16]byte][]float32 {
	if m, ok := e.known[lang]; ok {
		return m
	}
	m := make(map[[16]byte][]float32)
	e.known[lang] = m
	if e.dir == "" {
		return m
	}
	f, err := os.Open(e.path(lang))
	if err != nil {
		return m
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<16)
	for {
		var key [16]byte
		v := make([]float32, 2*embed.Size(lang))
		if _, err := io.ReadFull(r, key[:]); err != nil {
			return m
		}
		if binary.Read(r, binary.LittleEndian, v) != nil {
			return m
		}
		m[key] = v
	}
}

func keyOf(text string) (key [16]byte) {
	sum := sha256.Sum256([]byte(text))
	copy(key[:], sum[:])
	return key
}

// vectors are CLS and mean side by side, a row for each text.
func (e *embedder) vectors(ctx context.Context, lang string, texts []string) (learn.Matrix, error) {
	known := e.read(lang)
	var missing []string
	seen := make(map[[16]byte]bool)
	for _, text := range texts {
		if k := keyOf(text); known[k] == nil && !seen[k] {
			seen[k] = true
			missing = append(missing, text)
		}
	}
	fresh, err := e.embed(ctx, lang, missing)
	if err != nil {
		return learn.Matrix{}, err
	}
	for i, text := range missing {
		known[keyOf(text)] = fresh[i]
	}
	if err := e.write(lang, missing, fresh); err != nil {
		return learn.Matrix{}, err
	}
	out := learn.NewMatrix(len(texts), 2*embed.Size(lang))
	for i, text := range texts {
		copy(out.Row(i), known[keyOf(text)])
	}
	return out, nil
}

func (e *embedder) embed(ctx context.Context, lang string, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	errs := make([]error, runtime.NumCPU())
	var wg sync.WaitGroup
	for k := range errs {
		wg.Go(func() { // ends with its share of the texts
			for i := k; i < len(texts) && errs[k] == nil; i += len(errs) {
				v, err := e.service.EmbedLater(ctx, lang, texts[i])
				out[i], errs[k] = append(append([]float32(nil), v.CLS...), v.Mean...), err
			}
		})
	}
	wg.Wait()
	return out, errors.Join(errs...)
}

// write appends new vectors to the language's file.
func (e *embedder) write(lang string, texts []string, vectors [][]float32) error {
	if e.dir == "" || len(texts) == 0 {
		return nil
	}
	if err := os.MkdirAll(e.dir, 0o755); err != nil {
		return fmt.Errorf("vectors: %w", err)
	}
	f, err := os.OpenFile(e.path(lang), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("vectors: %w", err)
	}
	w := bufio.NewWriterSize(f, 1<<16)
	for i, text := range texts {
		key := keyOf(text)
		w.Write(key[:])
		if err := binary.Write(w, binary.LittleEndian, vectors[i]); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return errors.Join(w.Flush(), f.Close())
}
