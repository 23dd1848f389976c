package api

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tingxin/asr"
	"tingxin/call"
	"tingxin/event"
	"tingxin/media"
	"tingxin/pg"
	"tingxin/pg/pgtest"
)

// sipStats is like the Stats of signalling: numbers, maps, named parts.
type sipStats struct {
	Requests map[string]uint64 `json:"requests"`
	Dialogs  int64             `json:"dialogs"`
	Trunks   []struct {
		Name     string        `json:"name"`
		Accepted uint64        `json:"accepted"`
		Wait     time.Duration `json:"wait"`
		Last     time.Time     `json:"last"`
	} `json:"trunks"`
}

func sources(_ *Config, p *Parts) {
	st := sipStats{Requests: map[string]uint64{"INVITE": 7}, Dialogs: 3}
	st.Trunks = append(st.Trunks, struct {
		Name     string        `json:"name"`
		Accepted uint64        `json:"accepted"`
		Wait     time.Duration `json:"wait"`
		Last     time.Time     `json:"last"`
	}{Name: "north", Accepted: 5, Wait: time.Second})
	p.Sources = Sources{
		Calls: func() call.Stats {
			return call.Stats{Active: 2, Max: 50, Writer: call.WriterStats{Queued: 3, OnDisk: 1}}
		},
		ASR: func() asr.PoolStats {
			return asr.PoolStats{Opened: 9, Workers: []asr.WorkerStats{{ID: "w1", State: "ready", Channels: 1, Capacity: 12, LatenessP99MS: 4.5,
				Models: []asr.ModelStats{{Language: "en", Name: "vosk-en", Graph: "static"}}}}}
		},
		Media:  func() media.EngineStats { return media.EngineStats{PortsUsed: 4, PortsTotal: 100, ClockLateP99MS: 0.5} },
		Trunks: func() []TrunkView { return []TrunkView{{Name: "north", State: "up"}} },
		SIP:    func() any { return st },
	}
}

func TestSystemPage(t *testing.T) {
	t.Parallel()
	h := open(t, sources)
	var v SystemView
	h.as(RoleSupervisor).ok(base+"/system", &v)
	if v.Version != "test" || v.Calls.Active != 2 || v.Calls.Max != 50 || v.Database.QueuedWrites != 4 || v.Database.State == "away" || v.Database.LatencyMS <= 0 ||
		len(v.Workers) != 1 || v.Workers[0].Models[0] != "vosk-en" || len(v.Models) != 1 || v.Models[0].Graph != "static" || v.Media.PortsUsed != 4 || len(v.Trunks) != 1 {
		t.Errorf("system: %+v", v)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	h := open(t, sources, func(c *Config, _ *Parts) { c.MetricsToken = "a token" })
	b := h.browser()
	a := b.get("/metrics")
	for _, want := range []string{`tingxin_sip_requests_total{kind="INVITE"} 7`, "tingxin_sip_dialogs 3", `tingxin_sip_trunks_accepted_total{name="north"} 5`,
		`tingxin_sip_trunks_wait_seconds{name="north"} 1`, "tingxin_call_active 2", "tingxin_call_writer_queued 3", `tingxin_asr_workers_lateness_p99_seconds{id="w1"} 0.0045`,
		"tingxin_asr_opened_total 9", "tingxin_media_clock_late_p99_seconds 0.0005", "tingxin_media_ports 100", "tingxin_pg_queries_total", "tingxin_pg_query_time_seconds_total", "tingxin_call_accepted_total", "tingxin_feed_clients 0", "tingxin_events_published_total", "go_goroutines"} {
		if !strings.Contains(string(a.body), want) {
			t.Errorf("no %s in\n%s", want, a.body)
		}
	}
	checkNames(t, string(a.body))
	if a := b.get("/metrics", "X-Forwarded-For", "192.0.2.1"); a.status != http.StatusForbidden {
		t.Errorf("through a proxy: %s", a)
	}
	if a := b.get("/metrics", "X-Forwarded-For", "192.0.2.1", "Authorization", "Bearer a token"); a.status != http.StatusOK {
		t.Errorf("with the token: %d", a.status)
	}
	if a := b.get("/metrics", "X-Forwarded-For", "192.0.2.1", "Authorization", "Bearer another"); a.status != http.StatusForbidden {
		t.Errorf("with another token: %d", a.status)
	}
}

// checkNames holds names against the rules of Prometheus: counters and nothing else end in _total, units are base units.
func checkNames(t *testing.T, page string) {
	t.Helper()
	found := 0
	for line := range strings.Lines(page) {
		f := strings.Fields(line)
		if len(f) != 4 || f[1] != "TYPE" {
			continue
		}
		found++
		name, counter := f[2], f[3] == "counter"
		if counter != strings.HasSuffix(name, "_total") {
			t.Errorf("%s is a %s", name, f[3])
		}
		for _, unit := range []string{"_ms", "_mb", "_pct", "_us", "_kb", "_minutes", "_hours", "_percent"} {
			if !strings.HasPrefix(name, "go_") && strings.HasSuffix(strings.TrimSuffix(name, "_total"), unit) {
				t.Errorf("%s: base units are seconds, bytes and ratios", name)
			}
		}
	}
	if found < 50 {
		t.Errorf("%d metrics", found)
	}
}

// What only grows is a counter, also in structs that count by signed numbers.
func TestEveryStatsIsNamedByTheRules(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	reg.MustRegister(collected(func(out chan<- prometheus.Metric) {
		pull(out, "a", struct {
			QueryTime time.Duration `metric:",total"`
			Waits     int64         `metric:",total"`
			Ports     int           `json:"ports_total" metric:"ports"`
			LateMS    uint64        `json:"late_ms"`
			BusyPct   float64       `json:"busy_pct"`
			ByKind    map[string]uint64
		}{2 * time.Second, 3, 4, 1500, 50, map[string]uint64{"x": 1}}, nil)
	}))
	all, err := reg.Gather()
	must(t, err)
	got := map[string]string{}
	for _, m := range all {
		got[m.GetName()] = fmt.Sprint(m.GetType(), " ", m.GetMetric()[0].GetCounter().GetValue()+m.GetMetric()[0].GetGauge().GetValue())
	}
	want := map[string]string{"a_query_time_seconds_total": "COUNTER 2", "a_waits_total": "COUNTER 3", "a_ports": "GAUGE 4", "a_late_seconds_total": "COUNTER 1.5",
		"a_busy_ratio": "GAUGE 0.5", "a_by_kind_total": "COUNTER 1"}
	if !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

type collected func(chan<- prometheus.Metric)

func (collected) Describe(chan<- *prometheus.Desc)       {}
func (c collected) Collect(out chan<- prometheus.Metric) { c(out) }

// A model has two graphs and a worker that is replaced has a successor of its name: neither may cost the whole page.
func TestMetricsOfEqualNames(t *testing.T) {
	t.Parallel()
	models := []asr.ModelStats{{Language: "en", Name: "en", Graph: "static", Loaded: true}, {Language: "en", Name: "en", Graph: "dynamic"}}
	h := open(t, func(_ *Config, p *Parts) {
		p.Sources = Sources{ASR: func() asr.PoolStats {
			return asr.PoolStats{Workers: []asr.WorkerStats{{ID: "w1", State: "draining", Models: models}, {ID: "w1", State: "ready", RSSMB: 7, Models: models}}}
		}}
	})
	a := h.browser().get("/metrics")
	for _, want := range []string{`tingxin_asr_workers_rss_bytes{id="w1"} 7.340032e+06`, `tingxin_asr_workers_models_loaded{graph="static",id="w1",name="en"} 1`,
		`tingxin_asr_workers_models_loaded{graph="dynamic",id="w1",name="en"} 0`} {
		if a.status != http.StatusOK || !strings.Contains(string(a.body), want) {
			t.Errorf("status %d, no %s in\n%s", a.status, want, a.body)
		}
	}
}

// The database goes away: the API says so at once, health stays, and all is well when it is back.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Private(t)
	quiet := slog.New(slog.DiscardHandler)
	cluster := pg.NewCluster(cfg, quiet)
	must(t, cluster.Start(t.Context()))
	db, err := pg.Open(t.Context(), pg.Config{URL: cluster.DSN("")}, quiet)
	must(t, err)
	t.Cleanup(func() { db.Close() })
	h := openWith(t, db)
	b := h.as(RoleSupervisor)
	id := h.endedCall(h.now()).ID
	cluster.Close()
	start := time.Now()
	for _, path := range []string{base + "/calls", base + "/session", base + "/calls/" + id + "/recording"} {
		if a := b.get(path); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || !strings.Contains(problemOf(t, a), "database is away") {
			t.Errorf("%s: %s", path, a)
		}
	}
	if a := b.signIn("mei", password); a.status != http.StatusServiceUnavailable {
		t.Errorf("sign in: %s", a)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("four refusals took %v", took)
	}
	if a := b.get("/healthz"); a.status != http.StatusOK {
		t.Errorf("healthz: %s", a)
	}
	if a := b.get("/readyz"); a.status != http.StatusServiceUnavailable || !strings.Contains(string(a.body), `"database":"away"`) {
		t.Errorf("readyz: %s", a)
	}
	cluster = pg.NewCluster(cfg, quiet)
	must(t, cluster.Start(t.Context()))
	t.Cleanup(func() { cluster.Close() })
	waitFor(t, func() bool { return b.get(base+"/calls/"+id).status == http.StatusOK })
}

func TestPages(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.browser()
	index := string(pages["index.html"].Data)
	for _, path := range []string{"/", "/calls", "/calls/0190-x", "/index.html"} {
		if a := b.get(path); a.status != http.StatusOK || string(a.body) != index || a.header.Get("Cache-Control") != "no-cache" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %s %v", path, a, a.header)
		}
	}
	script := "/assets/app-1a2b3c.js"
	a := b.get(script)
	if a.header.Get("Cache-Control") != "public, max-age=31536000, immutable" || string(a.body) != string(pages["assets/app-1a2b3c.js"].Data) {
		t.Errorf("script: %v", a.header)
	}
	if again := b.get(script, "If-None-Match", a.header.Get("ETag")); again.status != http.StatusNotModified || len(again.body) != 0 {
		t.Errorf("again: %s", again)
	}
	squeezed := b.get(script, "Accept-Encoding", "gzip, br")
	if squeezed.header.Get("Content-Encoding") != "gzip" || len(squeezed.body) >= len(a.body) || squeezed.header.Get("ETag") == a.header.Get("ETag") {
		t.Errorf("squeezed: %d bytes, %v", len(squeezed.body), squeezed.header)
	}
	if plain := b.get(script, "Accept-Encoding", "gzip;q=0"); plain.header.Get("Content-Encoding") != "" {
		t.Errorf("refused gzip: %v", plain.header)
	}
	for _, path := range []string{"/assets/gone.js", "/../go.mod", "/.gitkeep"} {
		if a := b.get(path); a.status != http.StatusNotFound {
			t.Errorf("%s: %s", path, a)
		}
	}
	if a := b.do(http.MethodPost, "/calls", map[string]int{}); a.status != http.StatusMethodNotAllowed {
		t.Errorf("POST to a page: %s", a)
	}
	bare := open(t, func(_ *Config, p *Parts) { p.Web = nil })
	if a := bare.browser().get("/"); a.status != http.StatusNotFound || !strings.Contains(problemOf(t, a), "without its web pages") {
		t.Errorf("without pages: %s", a)
	}
}

func TestSelfSignedCertificate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "tls")
	set := func(c *Config, _ *Parts) {
		c.TLS = TLSConfig{SelfSigned: true, Dir: dir, Hosts: []string{"desk.test", "192.0.2.7"}}
	}
	h := open(t, set)
	pem, err := os.ReadFile(filepath.Join(dir, "self-signed.crt"))
	must(t, err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	resp, err := client.Get(h.url + "/healthz")
	must(t, err)
	resp.Body.Close()
	if resp.Header.Get("Strict-Transport-Security") == "" || !strings.HasPrefix(h.url, "https://") {
		t.Errorf("%s: %v", h.url, resp.Header)
	}
	if !h.cookie("x", 1).Secure {
		t.Error("the cookie would go over plain HTTP")
	}
	if key, err := os.Stat(filepath.Join(dir, "self-signed.key")); err != nil || key.Mode().Perm() != 0o600 {
		t.Errorf("key: %v, %v", key, err)
	}
	second := open(t, set)
	if again, err := os.ReadFile(filepath.Join(dir, "self-signed.crt")); err != nil || string(again) != string(pem) {
		t.Errorf("made anew at each start, %v", err)
	}
	_ = second
	if _, err := (TLSConfig{Cert: "/nonexistent", Key: "/nonexistent"}).load(time.Now()); err == nil || !strings.Contains(err.Error(), "api.tls") {
		t.Errorf("missing certificate: %v", err)
	}
}

func TestBusyPortSaysWhatToDo(t *testing.T) {
	t.Parallel()
	h := open(t)
	s, err := New(Config{Listen: h.Addr().String()}, Parts{DB: h.db, Calls: h.store, Bus: event.NewBus()}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	must(t, err)
	defer s.Close()
	if err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "api.listen") {
		t.Errorf("got %v", err)
	}
}
