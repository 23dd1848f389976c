package main

import (
	"crypto/rand"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"tingxin/web"
)

// shopPath is where the demo's shop stands.
const shopPath = "/demo/shop/"

// shop is a small shop with the widget in its pages, under a policy as strict as a
// careful shop's: a script runs by its nonce only, no style stands in the page.
func shop() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, "only GET", http.StatusMethodNotAllowed)
			return
		}
		name := strings.TrimPrefix(path.Clean(r.URL.Path+"/"), strings.TrimSuffix(shopPath, "/"))
		name = strings.TrimPrefix(name, "/")
		if name == "" {
			name = "index.html"
		}
		body, err := fs.ReadFile(web.Shop(), name)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-cache")
		switch path.Ext(name) {
		case ".html":
			nonce := rand.Text()
			h.Set("Content-Type", "text/html; charset=utf-8")
			h.Set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-"+nonce+"'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
			body = []byte(strings.ReplaceAll(string(body), "NONCE", nonce))
		case ".css":
			h.Set("Content-Type", "text/css; charset=utf-8")
		case ".js":
			h.Set("Content-Type", "text/javascript; charset=utf-8")
		case ".svg":
			h.Set("Content-Type", "image/svg+xml")
		}
		if r.Method == http.MethodGet {
			_, _ = w.Write(body) // the visitor went away
		}
	})
}
