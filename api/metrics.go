package api

import (
	"net"
	"net/http"
	"net/http/pprof"
	"reflect"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"tingxin/event"
)

// metrics is the handler of /metrics. Packages keep plain Stats structs; they are
// read when Prometheus asks and not before.
func (s *Server) metrics() gin.HandlerFunc {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &puller{s})
	h := promhttp.HandlerFor(prometheus.Gatherers{reg, countersOf(s.feed.reg)}, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
	return func(c *gin.Context) {
		if !s.mayScrape(c.Request) {
			refuse(c, http.StatusForbidden, "metrics are for this machine, or with the token of api.metrics_token")
			return
		}
		h.ServeHTTP(c.Writer, c.Request)
	}
}

// countersOf gives the counters of others names that end in _total, which centrifuge leaves out.
func countersOf(of prometheus.Gatherer) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		all, err := of.Gather()
		for _, m := range all {
			if name := m.GetName(); m.GetType() == dto.MetricType_COUNTER && !strings.HasSuffix(name, "_total") {
				if stem, size := strings.CutSuffix(name, "_size"); size {
					name = stem + "_bytes"
				}
				name = strings.TrimSuffix(name, "_count") + "_total"
				m.Name = &name
			}
		}
		return all, err
	})
}

// profiles serves what net/http/pprof does, to whom /metrics is served.
func (s *Server) profiles(c *gin.Context) {
	if !s.mayScrape(c.Request) {
		refuse(c, http.StatusForbidden, "profiles are for this machine, or with the token of api.metrics_token")
		return
	}
	switch c.Param("what") {
	case "/profile":
		pprof.Profile(c.Writer, c.Request)
	case "/trace":
		pprof.Trace(c.Writer, c.Request)
	case "/cmdline", "/symbol":
		refuse(c, http.StatusNotFound, "not served")
	default:
		pprof.Index(c.Writer, c.Request) // heap, goroutine and the others by their names
	}
}

// mayScrape lets this machine read, and whoever knows the token. Behind a proxy
// on this machine everybody seems local, hence the look at the header.
func (s *Server) mayScrape(r *http.Request) bool {
	if token := s.cfg.MetricsToken; token != "" && sameText(r.Header.Get("Authorization"), "Bearer "+token) {
		return true
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != "" {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// puller reads the Stats of all packages at each scrape.
type puller struct {
	s *Server
}

// Describe names nothing: what there is follows from the structs.
func (*puller) Describe(chan<- *prometheus.Desc) {}

// Collect reads everything once.
func (p *puller) Collect(out chan<- prometheus.Metric) {
	src := &p.s.parts.Sources
	if src.Calls != nil {
		pull(out, "tingxin_call", src.Calls(), nil)
	}
	if src.ASR != nil {
		pull(out, "tingxin_asr", src.ASR(), nil)
	}
	if src.Media != nil {
		pull(out, "tingxin_media", src.Media(), nil)
	}
	if src.SIP != nil {
		pull(out, "tingxin_sip", src.SIP(), nil)
	}
	if q := p.s.parts.Queues; q != nil {
		pull(out, "tingxin_queue", q.Stats(), nil)
	}
	if b := p.s.parts.Bot; b != nil {
		pull(out, "tingxin_bot", b.Stats(), nil)
	}
	if a := p.s.parts.Assist; a != nil {
		pull(out, "tingxin_assist", a.Stats(), nil)
	}
	if r := p.s.parts.Rules; r != nil {
		pull(out, "tingxin_rules", r.Stats(), nil)
	}
	if k := p.s.parts.KB; k != nil {
		pull(out, "tingxin_kb", k.Stats(), nil)
	}
	pull(out, "tingxin_report", p.s.parts.Reports.Stats(), nil)
	if src.Embed != nil {
		pull(out, "tingxin_embed", src.Embed(), nil)
	}
	pull(out, "tingxin_pg", p.s.db.Stats(), nil)
	pull(out, "tingxin_events", p.s.parts.Bus.Stats(), nil)
	f := p.s.feed
	pull(out, "tingxin_feed", struct {
		Clients                            int64
		Refused, Published, Lost, Failures uint64
	}{f.clients.Load(), uint64(f.refused.Load()), uint64(f.published.Load()), uint64(f.lost.Load()), uint64(f.failures.Load())}, nil)
	if c := p.s.parts.Callouts; c != nil {
		pull(out, "tingxin_callouts", c.Stats(), nil)
	}
	for name, stats := range src.More {
		pull(out, "tingxin_"+name, stats(), nil)
	}
	callers, refused := p.s.pace.stats()
	pull(out, "tingxin_pace", struct {
		Callers int64
		Refused uint64
	}{callers, refused}, nil)
}

// label is a name and a value; values come from configuration and code, never from callers.
type label struct{ name, value string }

// pull makes a metric of each number in a struct: unsigned ones are counters, and those that the tag metric:",total" says
// only grow; others are gauges. Durations and names in _ms become seconds, names in _mb bytes, names in _pct ratios. A map gives
// one metric per key ("kind"), a slice of structs one set per element, told apart by its Name or ID, and Graph. Of elements
// that say the same of themselves, as a worker and its successor do, the last counts.
func pull(out chan<- prometheus.Metric, prefix string, stats any, labels []label) {
	v := reflect.Indirect(reflect.ValueOf(stats))
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		name, grows := metricName(f)
		pullField(out, prefix+"_"+name, v.Field(i), grows, labels)
	}
}

func pullField(out chan<- prometheus.Metric, name string, v reflect.Value, grows bool, labels []label) {
	switch v.Kind() {
	case reflect.Bool:
		n := 0.0
		if v.Bool() {
			n = 1
		}
		number(out, name, n, false, labels)
	case reflect.Uint, reflect.Uint32, reflect.Uint64:
		number(out, name, float64(v.Uint()), true, labels)
	case reflect.Int, reflect.Int32, reflect.Int64:
		if d, ok := v.Interface().(time.Duration); ok {
			number(out, name+"_seconds", d.Seconds(), grows, labels)
			return
		}
		number(out, name, float64(v.Int()), grows, labels)
	case reflect.Float32, reflect.Float64:
		number(out, name, v.Float(), grows, labels)
	case reflect.Map:
		for _, key := range v.MapKeys() {
			if key.Kind() == reflect.String {
				pullField(out, name, v.MapIndex(key), grows, append(labels[:len(labels):len(labels)], label{"kind", key.String()}))
			}
		}
	case reflect.Struct:
		if b, ok := v.Interface().(event.Buckets); ok {
			emitBuckets(out, name, b, labels)
			return
		}
		if _, ok := v.Interface().(time.Time); !ok {
			pull(out, name, v.Interface(), labels)
		}
	case reflect.Slice:
		last := map[label]int{}
		for i := range v.Len() {
			if l := elementLabels(v.Index(i)); l != nil {
				last[joined(l)] = i
			}
		}
		for i := range v.Len() {
			if l := elementLabels(v.Index(i)); l != nil && last[joined(l)] == i {
				pull(out, name, v.Index(i).Interface(), append(labels[:len(labels):len(labels)], l...))
			}
		}
	}
}

// units are what names of the house's structs end in, and the base units of Prometheus.
var units = []struct {
	ours, base string
	factor     float64
}{{"_ms", "_seconds", 1e-3}, {"_mb", "_bytes", 1 << 20}, {"_pct", "_ratio", 1e-2}}

// number emits a gauge, or a counter, whose name ends in _total.
func number(out chan<- prometheus.Metric, name string, value float64, counter bool, labels []label) {
	for _, u := range units {
		if stem, ok := strings.CutSuffix(name, u.ours); ok {
			name, value = stem+u.base, value*u.factor
		}
	}
	if counter {
		emit(out, name+"_total", prometheus.CounterValue, value, labels)
		return
	}
	emit(out, name, prometheus.GaugeValue, value, labels)
}

// elementLabels tell elements apart: Name or ID, and Graph where there is one.
// Elements without a Name or ID have none.
func elementLabels(v reflect.Value) (labels []label) {
	v = reflect.Indirect(v)
	if v.Kind() != reflect.Struct {
		return nil
	}
	for _, name := range []string{"Name", "ID"} {
		if f := v.FieldByName(name); f.IsValid() && f.Kind() == reflect.String {
			labels = append(labels, label{strings.ToLower(name), f.String()})
			break
		}
	}
	if f := v.FieldByName("Graph"); labels != nil && f.IsValid() && f.Kind() == reflect.String {
		labels = append(labels, label{"graph", f.String()})
	}
	return labels
}

// joined is one label that stands for all of them.
func joined(labels []label) (l label) {
	for _, x := range labels {
		l.name, l.value = l.name+x.name+"\x00", l.value+x.value+"\x00"
	}
	return l
}

func emit(out chan<- prometheus.Metric, name string, kind prometheus.ValueType, value float64, labels []label) {
	names, values := make([]string, len(labels)), make([]string, len(labels))
	for i, l := range labels {
		names[i], values[i] = l.name, strings.ToValidUTF8(l.value, "?")
	}
	m, err := prometheus.NewConstMetric(prometheus.NewDesc(name, "Read from the package's Stats.", names, nil), kind, value, values...)
	if err == nil { // else a struct holds a name that Prometheus cannot say, which the test finds
		out <- m
	}
}

// emitBuckets makes a histogram, whose name ends in its unit.
func emitBuckets(out chan<- prometheus.Metric, name string, b event.Buckets, labels []label) {
	names, values := make([]string, len(labels)), make([]string, len(labels))
	for i, l := range labels {
		names[i], values[i] = l.name, strings.ToValidUTF8(l.value, "?")
	}
	m, err := prometheus.NewConstHistogram(prometheus.NewDesc(name+"_seconds", "Read from the package's Stats.", names, nil), b.Count, b.Sum.Seconds(), b.UpTo, values...)
	if err == nil {
		out <- m
	}
}

// metricName is the name of the tag metric, else the JSON name of a field, or its Go name in snake case; grows when the
// tag says so.
func metricName(f reflect.StructField) (name string, grows bool) {
	name, option, _ := strings.Cut(f.Tag.Get("metric"), ",")
	grows = option == "total"
	if name != "" {
		return name, grows
	}
	if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag != "" && tag != "-" {
		return tag, grows
	}
	var b strings.Builder
	for i, r := range f.Name {
		upper := r >= 'A' && r <= 'Z'
		if upper && i > 0 && !(f.Name[i-1] >= 'A' && f.Name[i-1] <= 'Z') {
			b.WriteByte('_')
		}
		b.WriteString(strings.ToLower(string(r)))
	}
	return b.String(), grows
}
