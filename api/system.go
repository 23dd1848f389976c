package api

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"tingxin/asr"
	"tingxin/call"
	"tingxin/media"
	"tingxin/pg"
)

// Sources tell the state of the other packages; each may be nil.
type Sources struct {
	Calls  func() call.Stats
	ASR    func() asr.PoolStats
	Media  func() media.EngineStats
	Trunks func() []TrunkView
	// SIP is signalling's own Stats struct, for Prometheus: numbers, maps of numbers and slices of named structs with JSON tags.
	SIP func() any
	// Embed is the embedding service's Counts; nil: there is none.
	Embed func() any
	// More are further Stats structs for Prometheus, by what their names begin with behind "tingxin_".
	More map[string]func() any
	// Ready are further things that must be well before this server wants calls, by name.
	Ready map[string]func(context.Context) error
}

// TrunkView is one trunk of the system page.
type TrunkView struct {
	Name          string     `json:"name"`
	State         string     `json:"state"`
	Calls         int        `json:"calls"`
	MaxCalls      int        `json:"max_calls" doc:"0 is no limit"`
	CPS           int        `json:"cps" doc:"calls per second allowed; 0 is no limit"`
	LastOptionsAt *time.Time `json:"last_options_at,omitempty"`
	Rejected      int64      `json:"rejected"`
}

// WorkerView is one speech worker of the system page.
type WorkerView struct {
	ID            string   `json:"id"`
	Address       string   `json:"address"`
	State         string   `json:"state"`
	PID           int      `json:"pid"`
	RSSMB         int      `json:"rss_mb"`
	Channels      int      `json:"channels"`
	Capacity      int      `json:"capacity"`
	CPUPct        float64  `json:"cpu_pct"`
	LatenessP99MS float64  `json:"lateness_p99_ms"`
	Restarts      int      `json:"restarts"`
	Models        []string `json:"models"`
}

// ModelView is one model of the system page.
type ModelView struct {
	Language string `json:"language"`
	Name     string `json:"name"`
	Graph    string `json:"graph" enum:"static,dynamic"`
}

// DatabaseView is the database of the system page.
type DatabaseView struct {
	State        string  `json:"state" enum:"up,slow,away"`
	LatencyMS    float64 `json:"latency_ms"`
	QueuedWrites int     `json:"queued_writes" doc:"records of calls that wait for the database"`
	Version      string  `json:"version"`
	Connections  int     `json:"connections"`
	Busy         int     `json:"busy"`
}

// SystemView is the body of GET /system.
type SystemView struct {
	Version   string    `json:"version"`
	StartedAt time.Time `json:"started_at"`
	Calls     struct {
		Active int `json:"active"`
		Max    int `json:"max"`
	} `json:"calls"`
	Workers  []WorkerView      `json:"workers"`
	Trunks   []TrunkView       `json:"trunks"`
	Database DatabaseView      `json:"database"`
	Media    media.EngineStats `json:"media"`
	Models   []ModelView       `json:"models"`
	Feed     struct {
		Clients int64 `json:"clients"`
		Lost    int64 `json:"lost" doc:"events dropped because the feed was slow"`
	} `json:"feed"`
}

// slowDatabase is from when on a round trip is called slow.
const slowDatabase = 100 * time.Millisecond

func (s *Server) systemRoutes(api huma.API) {
	huma.Register(api, operation("system", http.MethodGet, "/system", "system", "Workers, trunks, load"), s.getSystem)
}

func (s *Server) getSystem(ctx context.Context, _ *struct{}) (*bodyOf[SystemView], error) {
	src := &s.parts.Sources
	v := SystemView{Version: s.parts.Version, StartedAt: s.started.UTC(), Workers: []WorkerView{}, Trunks: []TrunkView{}, Models: []ModelView{}}
	if src.Calls != nil {
		st := src.Calls()
		v.Calls.Active, v.Calls.Max, v.Database.QueuedWrites = st.Active, st.Max, st.Writer.Queued+st.Writer.OnDisk
	}
	if src.ASR != nil {
		v.Workers, v.Models = workerViews(src.ASR())
	}
	if src.Trunks != nil {
		v.Trunks = append(v.Trunks, src.Trunks()...)
	}
	if src.Media != nil {
		v.Media = src.Media()
	}
	s.databaseView(ctx, &v.Database)
	v.Feed.Clients, v.Feed.Lost = s.feed.clients.Load(), s.feed.lost.Load()
	return &bodyOf[SystemView]{v}, nil
}

func (s *Server) databaseView(ctx context.Context, v *DatabaseView) {
	took, err := s.db.Probe(ctx)
	st := s.db.Stats()
	v.LatencyMS, v.Connections, v.Busy, v.Version = float64(took.Microseconds())/1000, st.Conns, st.Busy, pg.VersionText(s.db.Version())
	switch {
	case err != nil:
		v.State = "away"
	case took > slowDatabase:
		v.State = "slow"
	default:
		v.State = "up"
	}
}

// workerViews are the workers and the models that any of them has.
func workerViews(st asr.PoolStats) ([]WorkerView, []ModelView) {
	workers, models := make([]WorkerView, len(st.Workers)), []ModelView{}
	for i, w := range st.Workers {
		v := WorkerView{ID: w.ID, Address: w.Address, State: w.State, PID: w.PID, RSSMB: w.RSSMB, Channels: w.Channels, Capacity: w.Capacity,
			CPUPct: w.CPUPct, LatenessP99MS: w.LatenessP99MS, Restarts: w.Restarts, Models: []string{}}
		for _, m := range w.Models {
			v.Models = append(v.Models, m.Name)
			if mv := (ModelView{m.Language, m.Name, m.Graph}); !slices.Contains(models, mv) {
				models = append(models, mv)
			}
		}
		workers[i] = v
	}
	return workers, models
}

// LoadView is the payload of system.load.
type LoadView struct {
	Calls    int          `json:"calls"`
	Workers  []WorkerView `json:"workers"`
	Channels int          `json:"channels"`
	Capacity int          `json:"capacity"`
	CPU      float64      `json:"cpu" doc:"per cent of all cores that this process took"`
}

// tellLoad publishes system.load until ctx ends.
func (f *feed) tellLoad(ctx context.Context) {
	tick := time.NewTicker(loadPeriod)
	defer tick.Stop()
	last, used := time.Now(), cpuTime()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, total := time.Now(), cpuTime()
		busy := 100 * float64(total-used) / float64(now.Sub(last)) / float64(runtime.NumCPU())
		last, used = now, total
		f.s.parts.Bus.Publish("system.load", "", f.s.load(busy))
	}
}

func (s *Server) load(cpu float64) LoadView {
	v := LoadView{CPU: float64(int(cpu*10)) / 10, Workers: []WorkerView{}}
	if s.parts.Sources.Calls != nil {
		v.Calls = s.parts.Sources.Calls().Active
	}
	if s.parts.Sources.ASR != nil {
		v.Workers, _ = workerViews(s.parts.Sources.ASR())
	}
	for _, w := range v.Workers {
		v.Channels += w.Channels
		v.Capacity += w.Capacity
	}
	return v
}

// cpuTime is what this process has used so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// readiness is the body of /readyz.
type readiness struct {
	Ready  bool              `json:"ready"`
	Checks map[string]string `json:"checks"` // "ok" or what is wrong
}

// readyTime bounds all checks together.
const readyTime = 3 * time.Second

// ready tells whether this server wants calls: 200, or 503 with the reasons.
func (s *Server) ready(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), readyTime)
	defer cancel()
	r := readiness{Ready: true, Checks: map[string]string{}}
	check := func(name string, err error, what string) {
		r.Checks[name] = "ok"
		if err != nil {
			r.Ready, r.Checks[name] = false, what
		}
	}
	_, err := s.db.Probe(ctx)
	check("database", err, "away")
	for name, ask := range s.parts.Sources.Ready {
		err := ask(ctx)
		what := ""
		if err != nil {
			what = err.Error()
		}
		check(name, err, what)
	}
	status := http.StatusOK
	if !r.Ready {
		status = http.StatusServiceUnavailable
	}
	c.JSON(status, r)
}
