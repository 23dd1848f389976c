package ivr

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// DefaultFlow is the name of the flow that is always there.
const DefaultFlow = "default"

//go:embed flows/default.yaml
var defaultDocument []byte

// Config says where flows and prompts are. The zero value has the built-in flow
// "default" only and speaks with espeak-ng.
type Config struct {
	// Flows is a folder of flow documents (*.yaml, *.yml); none when empty. A flow named "default" replaces the built-in one.
	Flows string `yaml:"flows" koanf:"flows"`
	// Prompts is the folder of WAV files that flows name; the folder of flows when empty.
	Prompts string `yaml:"prompts" koanf:"prompts"`
	// Cache is the folder of synthesised prompts; "data/prompts" when empty.
	Cache string `yaml:"cache" koanf:"cache"`
	// Synthesiser is the program that speaks, with its arguments: {out} is the WAV file to write (or standard
	// output), {text} the text (or standard input), {voice} the voice; espeak-ng when empty.
	Synthesiser []string `yaml:"synthesiser" koanf:"synthesiser"`
	// Voices maps a language to the synthesiser's voice: {en: en-us, zh: cmn} and what stands here.
	Voices map[string]string `yaml:"voices" koanf:"voices"`
	// HTTP says whom http nodes may ask; nobody when empty.
	HTTP HTTPConfig `yaml:"http" koanf:"http"`
}

// WithDefaults is c with every empty field replaced by its default.
func (c Config) WithDefaults() Config {
	c.Prompts = cmp.Or(c.Prompts, c.Flows)
	c.Cache = cmp.Or(c.Cache, "data/prompts")
	return c
}

// Library is all flows with their prompts. Safe for concurrent use.
type Library struct {
	cfg     Config
	log     *slog.Logger
	Prompts *Prompts
	Web     *Web // nil until Load

	mu     sync.RWMutex
	files  map[string]*Flow // of the folder, and the built-in one
	from   map[string]string
	stored map[string]*Flow // go before those of the folder
}

// NewLibrary checks and stores; Load and Start read.
func NewLibrary(cfg Config, log *slog.Logger) *Library {
	cfg = cfg.WithDefaults()
	synth := NewCommand(cfg.Synthesiser, cfg.Voices)
	return &Library{cfg: cfg, log: log, Prompts: NewPrompts(cfg.Cache, cfg.Prompts, synth)}
}

// Load reads and checks every flow; all mistakes are told, joined.
func (l *Library) Load() error {
	builtin, err := Parse("flows/default.yaml", defaultDocument)
	if err != nil {
		return err
	}
	web, err := NewWeb(l.cfg.HTTP)
	if err != nil {
		return err
	}
	flows := map[string]*Flow{builtin.Name: builtin}
	paths, err := l.paths()
	if err != nil {
		return err
	}
	var errs []error
	from := make(map[string]string)
	for _, path := range paths {
		f, err := Load(path)
		switch {
		case err != nil:
			errs = append(errs, err)
		case from[f.Name] != "":
			errs = append(errs, fmt.Errorf("flow %q is in %s and in %s: give one another name", f.Name, from[f.Name], path))
		default:
			flows[f.Name], from[f.Name] = f, path
			errs = append(errs, web.checkFlow(path, f))
		}
	}
	l.mu.Lock()
	l.files, l.from, l.Web = flows, from, web
	l.mu.Unlock()
	return errors.Join(errs...)
}

func (l *Library) paths() ([]string, error) {
	if l.cfg.Flows == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(l.cfg.Flows)
	if err != nil {
		return nil, fmt.Errorf("folder of flows: %w", err)
	}
	var paths []string
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); !e.IsDir() && (ext == ".yaml" || ext == ".yml") && !strings.HasPrefix(e.Name(), ".") {
			paths = append(paths, filepath.Join(l.cfg.Flows, e.Name()))
		}
	}
	return paths, nil
}

// Start loads the flows and makes their prompts. A prompt that cannot be made
// is an error here, so that no caller meets silence.
func (l *Library) Start(ctx context.Context) error {
	if err := l.Load(); err != nil {
		return err
	}
	var errs []error
	for _, name := range l.Names() {
		f, _ := l.Flow(name)
		errs = append(errs, l.Prompts.Prepare(ctx, f))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	l.log.Info("flows ready", "flows", l.Names())
	return nil
}

// SetStored replaces the flows that are kept elsewhere than in the folder. Calls
// that are in a flow stay in the one they began. Make the prompts first (Prompts.Prepare).
func (l *Library) SetStored(flows []*Flow) {
	stored := make(map[string]*Flow, len(flows))
	for _, f := range flows {
		stored[f.Name] = f
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stored = stored
}

// Flow is the flow of that name.
func (l *Library) Flow(name string) (*Flow, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if f, ok := l.stored[name]; ok {
		return f, true
	}
	f, ok := l.files[name]
	return f, ok
}

// Names are the names of all flows in order.
func (l *Library) Names() []string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	names := slices.Concat(slices.Collect(maps.Keys(l.files)), slices.Collect(maps.Keys(l.stored)))
	slices.Sort(names)
	return slices.Compact(names)
}

// Files are the paths of the flows in the folder, by name.
func (l *Library) Files() map[string]string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return maps.Clone(l.from)
}

// Hears says whether a flow listens for phrases while it asks: recognition needs its graphs for lists then.
func (l *Library) Hears() bool {
	for _, name := range l.Names() {
		f, _ := l.Flow(name)
		for i := range f.Nodes {
			n := &f.Nodes[i]
			if n.Gather != nil && n.Gather.Speech || n.Menu != nil && n.Menu.Speech || n.Survey != nil && n.Survey.Speech || n.Bot != nil {
				return true
			}
		}
	}
	return false
}

// CheckHosts says which http nodes of a flow this server would refuse.
func (l *Library) CheckHosts(f *Flow) error {
	web, err := NewWeb(l.cfg.HTTP)
	if err != nil {
		return err
	}
	return web.checkFlow(f.Name, f)
}

// checkFlow finds http nodes that would be refused.
func (w *Web) checkFlow(path string, f *Flow) error {
	var errs []error
	for i := range f.Nodes {
		if h := f.Nodes[i].HTTP; h != nil {
			if err := w.check(h); err != nil {
				errs = append(errs, &Error{File: path, Line: f.Nodes[i].Line, Column: 1, Message: "http: " + err.Error()})
			}
		}
	}
	return errors.Join(errs...)
}
