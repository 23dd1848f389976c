package ivr

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"tingxin/outbound"
)

// HTTP asks a server of the house and takes parts of its JSON answer into variables.
type HTTP struct {
	Method  string // GET or POST
	URL     string // scheme and host as they are, ${variables} behind them
	Headers map[string]string
	Body    map[string]string // sent as a JSON object of strings; POST only
	Into    map[string]string // variable -> place in the answer, such as order.items.0.name
	Timeout time.Duration     // the server's limit at most
	Failed  string            // node when there is no usable answer; the next one when empty
}

// HTTPConfig says whom flows may ask. The zero value lets them ask nobody.
type HTTPConfig struct {
	// Hosts are the names, with the port when it is not the usual one, that http nodes may name.
	Hosts []string `yaml:"hosts" koanf:"hosts"`
	// Private are networks beside the public internet that these names may lead to, such as 10.1.0.0/16.
	Private []string `yaml:"private" koanf:"private"`
	// Headers are sent with every request to a host: {crm.example: {Authorization: "Bearer ..."}}. They are secrets, which
	// "pbx check" hides by the name of this setting.
	Headers map[string]map[string]string `yaml:"headers" koanf:"headers"`
	// Timeout bounds every request; 5 s when zero, at most 30 s.
	Timeout time.Duration `yaml:"timeout" koanf:"timeout"`
	// MaxBytes is how long an answer may be; 64 KiB when zero, at most 1 MiB.
	MaxBytes int `yaml:"max_bytes" koanf:"max_bytes"`
	// Concurrent is how many requests may run at once; 32 when zero. More fail at once.
	Concurrent int `yaml:"concurrent" koanf:"concurrent"`
}

// WebStats counts what http nodes did.
type WebStats struct{ Answered, Failed, Refused, Busy uint64 }

// Web is the way of http nodes to the outside: allow-listed hosts only, and no
// address behind them that is not public or named. Safe for concurrent use.
type Web struct {
	cfg    HTTPConfig
	guard  outbound.Guard
	client *http.Client
	slots  chan struct{}

	answered, failed, refused, busy atomic.Uint64
}

// Errors of requests.
var (
	ErrHost    = errors.New("the host is not among ivr.http.hosts")
	ErrAddress = outbound.ErrAddress
	errBusy    = errors.New("too many requests at once")
)

// maxValue is how long, in bytes, a value from outside may be.
const maxValue = 1000

// NewWeb checks the configuration.
func NewWeb(cfg HTTPConfig) (*Web, error) {
	w := &Web{cfg: cfg}
	w.cfg.Timeout = min(cmp.Or(cfg.Timeout, 5*time.Second), 30*time.Second)
	w.cfg.MaxBytes = min(cmp.Or(cfg.MaxBytes, 64<<10), 1<<20)
	if cfg.Timeout < 0 || cfg.MaxBytes < 0 || cfg.Concurrent < 0 {
		return nil, errors.New("ivr.http: timeout, max_bytes and concurrent are not negative")
	}
	w.slots = make(chan struct{}, min(cmp.Or(cfg.Concurrent, 32), 1000))
	var err error
	if w.guard, err = outbound.ParseGuard(cfg.Private); err != nil {
		return nil, fmt.Errorf("ivr.http.private: %w", err)
	}
	for _, h := range cfg.Hosts {
		if h == "" || strings.ContainsAny(h, "/*@ ") {
			return nil, fmt.Errorf("ivr.http.hosts: %q is no name of a host such as crm.example or crm.example:8443", h)
		}
	}
	w.client = w.guard.Client(w.cfg.Timeout, 0)
	return w, nil
}

// Close lets go of idle connections.
func (w *Web) Close() { w.client.CloseIdleConnections() }

// Stats reads the counters.
func (w *Web) Stats() WebStats {
	return WebStats{w.answered.Load(), w.failed.Load(), w.refused.Load(), w.busy.Load()}
}

// allowed says whether http nodes may name the host of a URL.
func (w *Web) allowed(u *url.URL) error {
	if !slices.ContainsFunc(w.cfg.Hosts, func(h string) bool { return strings.EqualFold(h, u.Host) }) {
		return fmt.Errorf("%s: %w", u.Host, ErrHost)
	}
	return nil
}

// Check says what is wrong with an http node on this server.
func (w *Web) check(h *HTTP) error {
	u, err := h.parse(func(string) string { return "" })
	if err != nil {
		return err
	}
	return w.allowed(u)
}

// parse fills the address; value gives what stands for a variable.
func (h *HTTP) parse(value func(name string) string) (*url.URL, error) {
	path, query, _ := strings.Cut(h.URL, "?")
	fill := func(s string, escape func(string) string) string {
		return variableUse.ReplaceAllStringFunc(s, func(use string) string { return escape(value(use[2 : len(use)-1])) })
	}
	text := fill(path, url.PathEscape)
	if query != "" {
		text += "?" + fill(query, url.QueryEscape)
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("not an address")
	}
	if slices.ContainsFunc(strings.Split(u.EscapedPath(), "/"), func(part string) bool { return part == "." || part == ".." }) {
		return nil, errors.New("a value would leave the address's folder")
	}
	return u, nil
}

// Fetch asks and gives the values that the node wants of the answer.
func (w *Web) Fetch(ctx context.Context, h *HTTP, value func(name string) string) (map[string]string, error) {
	out, err := w.fetch(ctx, h, value)
	switch {
	case err == nil:
		w.answered.Add(1)
	case errors.Is(err, errBusy):
		w.busy.Add(1)
	case errors.Is(err, ErrHost), errors.Is(err, ErrAddress):
		w.refused.Add(1)
	default:
		w.failed.Add(1)
	}
	return out, err
}

func (w *Web) fetch(ctx context.Context, h *HTTP, value func(name string) string) (map[string]string, error) {
	u, err := h.parse(value)
	if err == nil {
		err = w.allowed(u)
	}
	if err != nil {
		return nil, err
	}
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	default:
		return nil, errBusy
	}
	ctx, cancel := context.WithTimeout(ctx, min(cmp.Or(h.Timeout, w.cfg.Timeout), w.cfg.Timeout))
	defer cancel()
	req, err := w.request(ctx, h, u, value)
	if err != nil {
		return nil, err
	}
	resp, err := w.client.Do(req)
	if err != nil {
		if errors.Is(err, ErrAddress) {
			return nil, fmt.Errorf("%s: %w", u.Host, ErrAddress)
		}
		return nil, fmt.Errorf("%s did not answer: %w", u.Host, errors.Unwrap(err)) // without the address, which may hold a caller's words
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(w.cfg.MaxBytes)+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: the answer broke off", u.Host)
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return nil, fmt.Errorf("%s answered %d", u.Host, resp.StatusCode)
	case len(body) > w.cfg.MaxBytes:
		return nil, fmt.Errorf("%s: the answer is longer than %d bytes", u.Host, w.cfg.MaxBytes)
	}
	return h.values(body)
}

func (w *Web) request(ctx context.Context, h *HTTP, u *url.URL, value func(name string) string) (*http.Request, error) {
	fill := func(s string) string {
		return variableUse.ReplaceAllStringFunc(s, func(use string) string { return value(use[2 : len(use)-1]) })
	}
	var body io.Reader
	if h.Method == http.MethodPost {
		doc := make(map[string]string, len(h.Body))
		for k, v := range h.Body {
			doc[k] = fill(v)
		}
		raw, err := json.Marshal(doc)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, h.Method, u.String(), body)
	if err != nil {
		return nil, errors.New("not an address")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "tingxin")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range h.Headers {
		req.Header.Set(k, strings.Map(printable, fill(v)))
	}
	for host, headers := range w.cfg.Headers {
		if strings.EqualFold(host, u.Host) {
			for k, v := range headers {
				req.Header.Set(k, v)
			}
		}
	}
	return req, nil
}

// printable leaves out what may not stand in a header.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}

// values takes what the node wants out of an answer; what is not there is empty.
func (h *HTTP) values(body []byte) (map[string]string, error) {
	if len(h.Into) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		return nil, errors.New("the answer is no JSON")
	}
	out := make(map[string]string, len(h.Into))
	for name, place := range h.Into {
		out[name] = text(dig(doc, place))
	}
	return out, nil
}

// dig follows a place such as order.items.0.name.
func dig(v any, place string) any {
	for _, step := range strings.Split(place, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// text is a JSON value as a variable holds it; lists and objects are their size.
func text(v any) string {
	var s string
	switch v := v.(type) {
	case string:
		s = v
	case json.Number:
		s = v.String()
	case bool:
		s = strconv.FormatBool(v)
	case []any:
		s = strconv.Itoa(len(v))
	case map[string]any:
		s = strconv.Itoa(len(v))
	}
	if len(s) > maxValue {
		for s = s[:maxValue]; !utf8.ValidString(s) && len(s) > 0; {
			s = s[:len(s)-1]
		}
	}
	return s
}

// Fetcher is what a Line offers besides when its flows may ask servers.
type Fetcher interface {
	Fetch(ctx context.Context, h *HTTP, value func(name string) string) (map[string]string, error)
}

// ErrNoWeb says that flows may ask nobody here.
var ErrNoWeb = errors.New("there is no way to other servers here")

// fetch asks; whatever goes wrong, but the end of the call, leads to the failure node.
func (r *run) fetch(ctx context.Context, n *Node, h *HTTP) (string, error) {
	line, ok := r.line.(Fetcher)
	if !ok {
		return "", ErrNoWeb
	}
	got, err := line.Fetch(ctx, h, r.value)
	if err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return firstOf(h.Failed, n.Next), nil
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		delete(r.secret, name)
		r.set(name, got[name])
	}
	return n.Next, nil
}
