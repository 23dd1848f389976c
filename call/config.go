package call

import (
	"cmp"
	"os"
	"time"
)

// Config says what happens to calls. The zero value is the default: the number
// "echo" echoes and every other number runs the flow "default".
type Config struct {
	// Node names this pbx in the records, so that after a crash it finds its own unfinished calls; the host name when empty.
	Node string `yaml:"node" koanf:"node"`
	// MaxCalls is how many calls may run at once; 1000 when zero. More are refused with 503.
	MaxCalls int `yaml:"max_calls" koanf:"max_calls"`
	// MaxDuration ends a call that lasts longer; 4 h when zero.
	MaxDuration time.Duration `yaml:"max_duration" koanf:"max_duration"`
	// RingTimeout is how long a dialled party may ring; 60 s when zero.
	RingTimeout time.Duration `yaml:"ring_timeout" koanf:"ring_timeout"`
	// NoMediaTimeout ends an answered call to which no RTP packet ever came; 30 s when zero.
	NoMediaTimeout time.Duration `yaml:"no_media_timeout" koanf:"no_media_timeout"`
	// MediaTimeout ends a call whose RTP stopped without hold; 60 s when zero.
	MediaTimeout time.Duration `yaml:"media_timeout" koanf:"media_timeout"`
	// Recording says where recordings go.
	Recording RecordingConfig `yaml:"recording" koanf:"recording"`
	// Journal says where records wait while the database is away.
	Journal JournalConfig `yaml:"journal" koanf:"journal"`
	// Music is the WAV file that people on hold hear; a few soft notes when empty.
	Music string `yaml:"music" koanf:"music"`
	// HideListeners keeps from everybody but the log and the record that a supervisor listens. Who whispers or talks is seen.
	HideListeners bool `yaml:"hide_listeners" koanf:"hide_listeners"`
	// Users says how calls of our own users go, and calls to them.
	Users UsersConfig `yaml:"users" koanf:"users"`
	// Park are the numbers where calls wait to be picked up from any telephone of ours; none when empty.
	Park ParkConfig `yaml:"park" koanf:"park"`
	// CallerID are the numbers that calls of our users show outside.
	CallerID CallerIDConfig `yaml:"caller_id" koanf:"caller_id"`
	// Routes are tried in order; the first whose numbers match takes the call. Behind them always stand
	// the number "echo" and, when there are no routes at all, the flow "default" for the number "default" and all others.
	Routes []Route `yaml:"routes" koanf:"routes"`
}

// RecordingConfig says where recordings are written; their rate is the media engine's.
type RecordingConfig struct {
	// Dir is the folder of the recordings; "data/recordings" when empty.
	Dir string `yaml:"dir" koanf:"dir"`
	// Refused says what happens when a caller declines to be recorded: "forget" keeps neither sound nor
	// words (default), "transcribe" keeps the words only.
	Refused string `yaml:"refused" koanf:"refused"`
}

// JournalConfig says where the records of calls wait for the database.
type JournalConfig struct {
	// Dir is the folder of the journal files; "data/journal" when empty.
	Dir string `yaml:"dir" koanf:"dir"`
	// Writers is how many records may be on their way to the database at once; 4 when zero.
	Writers int `yaml:"writers" koanf:"writers"`
	// MaxQueued is how many records of one writer wait in memory before they wait on disk only; 4096 when zero.
	MaxQueued int `yaml:"max_queued" koanf:"max_queued"`
}

func (c Config) withDefaults() Config {
	if c.Node == "" {
		c.Node, _ = os.Hostname()
	}
	c.Node = cmp.Or(c.Node, "pbx")
	c.MaxCalls = cmp.Or(c.MaxCalls, 1000)
	c.MaxDuration = cmp.Or(c.MaxDuration, 4*time.Hour)
	c.RingTimeout = cmp.Or(c.RingTimeout, time.Minute)
	c.Users.Timeout = cmp.Or(c.Users.Timeout, c.RingTimeout)
	c.NoMediaTimeout = cmp.Or(c.NoMediaTimeout, 30*time.Second)
	c.MediaTimeout = cmp.Or(c.MediaTimeout, time.Minute)
	c.Park.Timeout = cmp.Or(c.Park.Timeout, 2*time.Minute)
	c.Recording.Dir = cmp.Or(c.Recording.Dir, "data/recordings")
	c.Recording.Refused = cmp.Or(c.Recording.Refused, RefusedForget)
	c.Journal = c.Journal.withDefaults()
	return c
}

// WithDefaults is c with every zero field replaced by its default.
func (c Config) WithDefaults() Config { return c.withDefaults() }

func (c JournalConfig) withDefaults() JournalConfig {
	c.Dir = cmp.Or(c.Dir, "data/journal")
	c.Writers = cmp.Or(c.Writers, 4)
	c.MaxQueued = cmp.Or(c.MaxQueued, 4096)
	return c
}
