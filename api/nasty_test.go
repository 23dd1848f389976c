package api

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// nasty are values that a parameter may bring.
var nasty = []string{"\x00", "-1", "2147483648", "9223372036854775808", "' or 1=1 --💥", "2026-99-99"}

// Whatever is asked for, the answer is no internal error: every operation with its own example, with nothing, with
// wrong types, and with nasty values in the path and in each parameter.
func TestNothingIsAnsweredInternal(t *testing.T) {
	t.Parallel()
	h := open(t)
	r := h.endedCall(h.now())
	b := h.as(RoleAdmin)
	known := map[string]string{"id": "1", "name": "text"}
	try := func(method, path string, body any) {
		a := b.do(method, path, body)
		if a.status == http.StatusTooManyRequests {
			h.pace.mu.Lock()
			clear(h.pace.buckets)
			h.pace.mu.Unlock()
			a = b.do(method, path, body)
		}
		if a.status >= 500 && a.status != http.StatusServiceUnavailable {
			raw, _ := json.Marshal(body)
			t.Errorf("%s %s %.200s: %s", method, path, raw, a)
		}
		if a.status == http.StatusUnauthorized {
			t.Fatalf("%s %s ended the session: %s", method, path, a)
		}
	}
	for path, item := range h.doc.Paths {
		for method, op := range operationsOf(item) {
			if personal[firstPart(path)] || strings.HasPrefix(path, base+"/users") && method != http.MethodGet || strings.Contains(path, "settings/security") {
				continue // they would end the visit; they have their own tests
			}
			good := path
			for _, p := range op.Parameters {
				if p.In == "path" {
					value := known[p.Name]
					if strings.HasPrefix(path, base+"/calls/") && p.Name == "id" {
						value = r.ID
					}
					if value == "" {
						value = "1"
					}
					good = strings.ReplaceAll(good, "{"+p.Name+"}", value)
				}
			}
			for _, p := range op.Parameters {
				for _, value := range nasty {
					switch {
					case p.In == "query":
						query := url.Values{p.Name: {value}}
						if method == http.MethodGet {
							try(method, good+"?"+query.Encode(), nil)
						}
					case p.In == "path" && len(value) < 12:
						bad := strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(value))
						try(method, unnamed(bad), nil)
					}
				}
			}
			if op.RequestBody == nil {
				continue
			}
			for kind, media := range op.RequestBody.Content {
				if kind != "application/json" {
					continue
				}
				for _, body := range bodies(media) {
					try(method, good, body)
				}
			}
		}
	}
}

// unnamed fills what is left of a path's parameters.
func unnamed(path string) string {
	for {
		i := strings.IndexByte(path, '{')
		j := strings.IndexByte(path, '}')
		if i < 0 || j < i {
			return path
		}
		path = path[:i] + "1" + path[j+1:]
	}
}

// bodies are an example, and what is wrong in the ways that bodies are.
func bodies(media *huma.MediaType) []any {
	raw, _ := json.Marshal(media.Example)
	out := []any{json.RawMessage(raw), json.RawMessage(`{}`), json.RawMessage(`[]`), json.RawMessage(`null`), json.RawMessage(`"\u0000"`)}
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return out
	}
	for name := range fields {
		for _, wrong := range []string{`"\u0000\ud83d"`, `-1`, `2147483648`} {
			bad := map[string]json.RawMessage{}
			for k, v := range fields {
				bad[k] = v
			}
			bad[name] = json.RawMessage(wrong)
			out = append(out, bad)
		}
	}
	return out
}
