package embed

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// Config of a Service; the zero value is the default.
type Config struct {
	// Runtime is the path of libonnxruntime.so (default: build/onnxruntime here or beside the program's folder, then lib).
	Runtime string `yaml:"runtime" koanf:"runtime"`
	// Models is the folder that holds bge-small-zh and bge-small-en (default: models here or beside the program's folder).
	Models string `yaml:"models" koanf:"models"`
	// Workers is how many sentences are embedded at once, one thread each (default: half of the cores, at least one).
	Workers int `yaml:"workers" koanf:"workers"`
	// Queue is how many sentences may wait; more are refused (default 256).
	Queue int `yaml:"queue" koanf:"queue"`
	// Cache is how many sentences keep their vectors, 3 to 4 kB each (default 4096; negative: none).
	Cache int `yaml:"cache" koanf:"cache"`
}

// Errors of a Service.
var (
	// ErrBusy means that the queue is full.
	ErrBusy = errors.New("too many sentences wait to be understood")
	// ErrLanguage means that there is no model for the language.
	ErrLanguage = errors.New("no sentence model for this language")
	// ErrClosed means that the service was closed or never started.
	ErrClosed = errors.New("the embedding service is closed")
	// ErrMissing means that the runtime or a model is not on this machine.
	ErrMissing = errors.New("run scripts/setup, or set its path")
)

func (c Config) withDefaults() Config {
	c.Runtime = cmp.Or(c.Runtime, find("build/onnxruntime/libonnxruntime.so", "lib/libonnxruntime.so"))
	c.Models = cmp.Or(c.Models, filepath.Dir(find("models/bge-small-en")))
	c.Workers = cmp.Or(c.Workers, max(runtime.NumCPU()/2, 1))
	c.Queue = cmp.Or(c.Queue, 256)
	c.Cache = cmp.Or(c.Cache, 4096)
	return c
}

// Check tells what keeps a Service from starting, in one sentence.
func (c Config) Check() error {
	c = c.withDefaults()
	if c.Workers < 0 || c.Queue < 0 {
		return errors.New("embed: workers and queue cannot be negative")
	}
	if _, err := os.Stat(c.Runtime); err != nil {
		return fmt.Errorf("ONNX Runtime is not at %s: %w", c.Runtime, ErrMissing)
	}
	for _, lang := range Languages {
		dir := c.dir(lang)
		if _, err := os.Stat(filepath.Join(dir, "model.onnx")); err != nil {
			return fmt.Errorf("the sentence model %s is not there: %w", dir, ErrMissing)
		}
	}
	return nil
}

// dir is the folder of a language's model.
func (c Config) dir(lang string) string { return filepath.Join(c.Models, "bge-small-"+lang) }

// find looks for paths from the working folder, then from the folder above the
// program's, and gives the first one as it is when there is none.
func find(paths ...string) string {
	roots := []string{""}
	if self, err := os.Executable(); err == nil {
		roots = append(roots, filepath.Join(filepath.Dir(self), ".."))
	}
	for _, root := range roots {
		for _, path := range paths {
			path = filepath.Join(root, path)
			if _, err := os.Stat(path); err == nil {
				return path
			}
		}
	}
	return paths[0]
}
