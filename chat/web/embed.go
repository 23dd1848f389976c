package web

import (
	"errors"
	"html/template"
	"net/http"
	"strings"
)

// EmbedPath is the chat as a page of its own, for frames and links.
const EmbedPath = "/embed"

var embedPage = template.Must(template.New("embed").Parse(`<!doctype html>
<html lang="{{.Lang}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
</head>
<body>
<script src="/widget.js" data-site="{{.Site}}" data-mode="page" data-lang="{{.Lang}}"></script>
</body>
</html>
`))

// embedPolicy lets the page load the widget and nothing else; who may frame it follows.
const embedPolicy = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors "

// serveEmbed is the page for a frame: pages of the site's origins may have it.
func (s *Server) serveEmbed(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		s.refuse(w, http.StatusMethodNotAllowed, "only GET")
		return
	}
	t, err := s.site(r.Context(), r.URL.Query().Get("site"))
	if errors.Is(err, errNoSite) {
		s.refuse(w, http.StatusNotFound, errNoSite.Error())
		return
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	lang := "en"
	asked := r.URL.Query().Get("lang")
	if asked == "" {
		asked = r.Header.Get("Accept-Language")
	}
	if strings.HasPrefix(strings.ToLower(asked), "zh") {
		lang = "zh-CN"
	}
	title := t.Title[lang]
	if title == "" {
		title = map[string]string{"zh-CN": "在线客服", "en": "Chat with us"}[lang]
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", embedPolicy+strings.Join(append([]string{"'self'"}, t.Origins...), " ")) // checked: no spaces or semicolons in them
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(self)")
	h.Set("Vary", "Accept-Language")
	_ = embedPage.Execute(w, map[string]string{"Lang": lang, "Site": t.id, "Title": title}) // the visitor went away
}
