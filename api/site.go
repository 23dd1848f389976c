package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// pageTime is how long a slow line may take for one file.
const pageTime = 5 * time.Minute

// page is one file of the browser's side.
type page struct {
	plain, brotli []byte
	gzip          func() []byte // made when it is first asked for; nil, or gives nil, when there is none
	kind, tag     string
}

// site serves the files that were built into the program: read and hashed at the
// start, compressed once. Unknown paths get index.html, since the pages have their own router.
type site struct {
	pages map[string]*page
}

func newSite(files fs.FS) (*site, error) {
	s := &site{pages: map[string]*page{}}
	if files == nil {
		return s, nil
	}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") || strings.HasSuffix(name, ".br") || strings.HasSuffix(name, ".gz") {
			return err
		}
		p, err := newPage(files, name)
		s.pages["/"+name] = p
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("files of the web side: %w", err)
	}
	return s, nil
}

func newPage(files fs.FS, name string) (*page, error) {
	plain, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(plain)
	p := &page{plain: plain, kind: mime.TypeByExtension(path.Ext(name)), tag: `"` + hex.EncodeToString(sum[:8]) + `"`}
	if p.kind == "" {
		p.kind = "application/octet-stream"
	}
	if !compressible(p.kind) {
		return p, nil
	}
	if p.brotli, err = readIfThere(files, name+".br"); err != nil {
		return nil, err
	}
	ready, err := readIfThere(files, name+".gz")
	if err != nil {
		return nil, err
	}
	p.gzip = sync.OnceValue(func() []byte {
		if ready != nil {
			return ready
		}
		return squeeze(plain)
	})
	return p, nil
}

func compressible(kind string) bool {
	return strings.HasPrefix(kind, "text/") || strings.Contains(kind, "javascript") || strings.Contains(kind, "json") || strings.Contains(kind, "svg") || strings.Contains(kind, "wasm")
}

func readIfThere(files fs.FS, name string) ([]byte, error) {
	b, err := fs.ReadFile(files, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// squeeze is b by gzip, nil when that does not pay.
func squeeze(b []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level is valid
	_, _ = w.Write(b)                                       // a buffer takes everything
	_ = w.Close()
	if out.Len() >= len(b) {
		return nil
	}
	return out.Bytes()
}

// serve answers whatever is no route.
func (s *site) serve(c *gin.Context) {
	name := path.Clean("/" + c.Request.URL.Path)
	if strings.HasPrefix(name, "/api/") {
		refuse(c, http.StatusNotFound, "there is no such thing")
		return
	}
	if c.Request.Method != http.MethodGet && c.Request.Method != http.MethodHead {
		refuse(c, http.StatusMethodNotAllowed, "only GET is for pages")
		return
	}
	p, ok := s.pages[name]
	if !ok && path.Ext(name) == "" { // a place inside the pages
		name = "/index.html"
		p, ok = s.pages[name]
	}
	if !ok {
		if len(s.pages) == 0 || s.pages["/index.html"] == nil {
			refuse(c, http.StatusNotFound, "this program was built without its web pages; the API is under "+base)
			return
		}
		refuse(c, http.StatusNotFound, "there is no such page")
		return
	}
	if name == "/widget.js" || strings.HasPrefix(name, "/assets/widget-") { // for pages of other sites
		c.Header("Cross-Origin-Resource-Policy", "cross-origin")
		c.Header("Access-Control-Allow-Origin", "*")
	}
	p.send(c, strings.HasPrefix(name, "/assets/"))
}

// send picks the best encoding the browser takes. Files under /assets carry a
// hash in their name and never change; others are asked about each time.
func (p *page) send(c *gin.Context, forEver bool) {
	h := c.Writer.Header()
	h.Set("Cache-Control", "no-cache")
	if forEver {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("Content-Type", p.kind)
	h.Add("Vary", "Accept-Encoding")
	body, tag := p.plain, p.tag
	if small, coding := p.encoded(c.GetHeader("Accept-Encoding")); small != nil {
		body, tag = small, strings.TrimSuffix(p.tag, `"`)+"-"+coding[:2]+`"`
		h.Set("Content-Encoding", coding)
	}
	h.Set("ETag", tag)
	if c.GetHeader("If-None-Match") == tag {
		h.Del("Content-Encoding")
		c.Status(http.StatusNotModified)
		c.Writer.WriteHeaderNow()
		return
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	_ = http.NewResponseController(c.Writer).SetWriteDeadline(time.Now().Add(pageTime)) // not every test's writer can
	c.Status(http.StatusOK)
	if c.Request.Method == http.MethodHead {
		c.Writer.WriteHeaderNow()
		return
	}
	_, _ = c.Writer.Write(body) // the client went away
}

// encoded is the page in the best coding that the browser takes; nil when that is none.
func (p *page) encoded(accepted string) (body []byte, coding string) {
	if p.brotli != nil && takes(accepted, "br") {
		return p.brotli, "br"
	}
	if p.gzip != nil && takes(accepted, "gzip") {
		return p.gzip(), "gzip"
	}
	return nil, ""
}

// takes tells whether an Accept-Encoding header names the coding and does not refuse it.
func takes(header, coding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), coding) {
			w := strings.ReplaceAll(weight, " ", "")
			return w != "q=0" && w != "q=0.0" && w != "q=0.00" && w != "q=0.000"
		}
	}
	return false
}
