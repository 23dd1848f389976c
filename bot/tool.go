package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"tingxin/nlp"
	"tingxin/outbound"
)

// Tool is an HTTP interface that frames may ask, as its YAML declares it.
type Tool struct {
	Name   string `yaml:"name" json:"name"`
	Method string `yaml:"method" json:"method"`
	// URL may hold {{slot}} in its path and query; values are escaped.
	URL     string            `yaml:"url" json:"url"`
	Headers map[string]string `yaml:"headers" json:"-"`
	// Body are the fields of a JSON body: templates.
	Body map[string]string `yaml:"body" json:"body,omitempty"`
	// Timeout of the whole request (2 s, at most 10 s) and MaxBytes of the answer (64 kB, at most 1 MB).
	Timeout  yamlDuration `yaml:"timeout" json:"-"`
	MaxBytes int64        `yaml:"max_bytes" json:"max_bytes"`
	// Missing are statuses that mean "there is no such thing"; 404 when empty.
	Missing []int `yaml:"missing" json:"missing,omitempty"`
	// Values names what is taken from the JSON answer: paths such as "shipment.eta" or "items.0.title".
	Values map[string]string `yaml:"values" json:"values"`
	// Words says in people's words what a value means: value name, code, language. They may hold {{value}}.
	Words map[string]map[string]map[string]string `yaml:"words" json:"words,omitempty"`
	// Remember puts values into slots: slot name, value name.
	Remember map[string]string `yaml:"remember" json:"remember,omitempty"`
}

type yamlDuration time.Duration

// UnmarshalYAML reads "2s".
func (d *yamlDuration) UnmarshalYAML(b []byte) error {
	v, err := time.ParseDuration(strings.Trim(strings.TrimSpace(string(b)), `"'`))
	*d = yamlDuration(v)
	return err
}

// Bounds of tools.
const (
	maxToolDoc     = 32 << 10
	maxToolTimeout = 10 * time.Second
	maxToolBytes   = 1 << 20
	maxToolValue   = 500 // characters of one value
)

// ParseTool checks a declaration.
func ParseTool(doc []byte) (t *Tool, err error) {
	defer func() {
		if recover() != nil { // the YAML library may panic on input nobody would write
			t, err = nil, errors.New("this is not readable as YAML")
		}
	}()
	if len(doc) > maxToolDoc {
		return nil, fmt.Errorf("a tool's declaration is at most %d bytes long", maxToolDoc)
	}
	t = &Tool{}
	if err := yaml.UnmarshalWithOptions(doc, t, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("tool: %s", strings.TrimSpace(yaml.FormatError(err, false, false)))
	}
	if t.Method == "" {
		t.Method = http.MethodGet
	}
	if t.Timeout == 0 {
		t.Timeout = yamlDuration(2 * time.Second)
	}
	if t.MaxBytes == 0 {
		t.MaxBytes = 64 << 10
	}
	if len(t.Missing) == 0 {
		t.Missing = []int{http.StatusNotFound}
	}
	return t, t.check()
}

func (t *Tool) check() error {
	if !nameForm.MatchString(t.Name) {
		return fmt.Errorf("tool %q needs a name of small letters, digits and _", t.Name)
	}
	if t.Method != http.MethodGet && t.Method != http.MethodPost {
		return fmt.Errorf("tool %s: the method is GET or POST, not %q", t.Name, t.Method)
	}
	u, err := url.Parse(placeholder.ReplaceAllString(t.URL, "x"))
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil:
		return fmt.Errorf("tool %s: the url must be http or https with a host and without a password", t.Name)
	case placeholder.MatchString(hostPart(t.URL)):
		return fmt.Errorf("tool %s: a value may stand in the path and the query, not in the host", t.Name)
	case t.Timeout <= 0 || time.Duration(t.Timeout) > maxToolTimeout:
		return fmt.Errorf("tool %s: the timeout goes to %v", t.Name, maxToolTimeout)
	case t.MaxBytes < 1 || t.MaxBytes > maxToolBytes:
		return fmt.Errorf("tool %s: max_bytes goes to %d", t.Name, maxToolBytes)
	case len(t.Values) > 50 || len(t.Headers) > 20 || len(t.Body) > 20:
		return fmt.Errorf("tool %s: at most 50 values, 20 headers and 20 fields", t.Name)
	}
	for _, name := range t.Remember {
		if _, ok := t.Values[name]; !ok {
			return fmt.Errorf("tool %s: remember names the value %q, which is none", t.Name, name)
		}
	}
	return nil
}

// hostPart is everything before the path.
func hostPart(raw string) string {
	_, rest, _ := strings.Cut(raw, "://")
	host, _, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, "?")
	return host
}

// ErrMissing means that the tool knows nothing of what was asked.
var ErrMissing = errors.New("the tool knows nothing of it")

// errHost means that a tool wants to call a host that the operator has not allowed.
var errHost = errors.New("the host is not in bot.tool_hosts")

// tools calls them. Hosts come from the configuration, never from a conversation;
// names that resolve to addresses inside are refused, and no redirect is followed.
type tools struct {
	hosts  []string
	client *http.Client
}

func newTools(hosts []string) *tools {
	t := &tools{hosts: hosts}
	dialer := &net.Dialer{Timeout: 3 * time.Second}
	transport := &http.Transport{
		Proxy: nil, MaxIdleConns: 16, MaxIdleConnsPerHost: 8, IdleConnTimeout: 30 * time.Second, TLSHandshakeTimeout: 3 * time.Second, MaxResponseHeaderBytes: 16 << 10,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			ip, err := outbound.Guard{}.Resolve(ctx, addr) // an address is called only when it stands in the list itself
			if err != nil {
				return nil, err
			}
			return dialer.DialContext(ctx, network, ip)
		},
	}
	t.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return t
}

func (t *tools) close() { t.client.CloseIdleConnections() }

// allowed tells whether the operator lets tools call host, with or without its port.
func (t *tools) allowed(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	return slices.ContainsFunc(t.hosts, func(a string) bool { return strings.EqualFold(a, hostport) || strings.EqualFold(a, host) })
}

// call asks a tool and gives its values.
func (t *tools) call(ctx context.Context, tool *Tool, slots map[string]string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(tool.Timeout))
	defer cancel()
	req, err := tool.request(ctx, slots)
	if err != nil {
		return nil, err
	}
	if !t.allowed(req.URL.Host) {
		return nil, fmt.Errorf("tool %s: %w", tool.Name, errHost)
	}
	resp, err := t.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("tool %s: %w", tool.Name, bare(err))
	}
	defer resp.Body.Close()
	if slices.Contains(tool.Missing, resp.StatusCode) {
		return nil, ErrMissing
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, fmt.Errorf("tool %s: status %d", tool.Name, resp.StatusCode)
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, tool.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("tool %s: %w", tool.Name, err)
	}
	if int64(len(raw)) > tool.MaxBytes {
		return nil, fmt.Errorf("tool %s: the answer is longer than %d bytes", tool.Name, tool.MaxBytes)
	}
	return tool.read(raw)
}

// bare is an error of the HTTP client without the address, which holds a customer's values.
func bare(err error) error {
	if u := new(url.Error); errors.As(err, &u) {
		return u.Err
	}
	return err
}

// request fills the template. Values are escaped where they stand: in the path or in the query.
func (t *Tool) request(ctx context.Context, slots map[string]string) (*http.Request, error) {
	path, query, hasQuery := strings.Cut(t.URL, "?")
	target := fill(path, escaped(slots, url.PathEscape))
	if hasQuery {
		target += "?" + fill(query, escaped(slots, url.QueryEscape))
	}
	var body io.Reader
	if t.Method == http.MethodPost {
		fields := make(map[string]string, len(t.Body))
		for k, v := range t.Body {
			fields[k] = fill(v, slots)
		}
		raw, err := json.Marshal(fields)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, t.Method, target, body)
	if err != nil {
		return nil, fmt.Errorf("tool %s: the values make no address", t.Name)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "tingxin")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range t.Headers {
		req.Header.Set(k, v)
	}
	return req, nil
}

// escaped are values as they may stand in an address. PathEscape leaves "." and ".."
// alone, which as a whole segment would walk up.
func escaped(slots map[string]string, escape func(string) string) map[string]string {
	out := make(map[string]string, len(slots))
	for k, v := range slots {
		if v = escape(v); strings.Trim(v, ".") == "" {
			v = strings.ReplaceAll(v, ".", "%2E")
		}
		out[k] = v
	}
	return out
}

// read takes the declared values out of an answer.
func (t *Tool) read(raw []byte) (map[string]string, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("tool %s: the answer is no JSON", t.Name)
	}
	out := make(map[string]string, len(t.Values))
	for name, path := range t.Values {
		if v, ok := at(doc, path); ok {
			out[name] = nlp.Clip(v, maxToolValue)
		}
	}
	return out, nil
}

// at follows a path of field names and indexes.
func at(doc any, path string) (string, bool) {
	for step := range strings.SplitSeq(path, ".") {
		switch v := doc.(type) {
		case map[string]any:
			next, ok := v[step]
			if !ok {
				return "", false
			}
			doc = next
		case []any:
			i := 0
			if _, err := fmt.Sscanf(step, "%d", &i); err != nil || i < 0 || i >= len(v) {
				return "", false
			}
			doc = v[i]
		default:
			return "", false
		}
	}
	switch v := doc.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return fmt.Sprint(v), true
	}
	return "", false
}

// speak puts the words of a language in place of codes.
func (t *Tool) speak(values map[string]string, lang string) map[string]string {
	out := make(map[string]string, len(values))
	for name, v := range values {
		out[name] = v
		if w := t.Words[name][v]; w != nil {
			out[name] = fill(inLang(w, lang), values)
		}
	}
	return out
}
