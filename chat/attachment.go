package chat

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // formats that thumbnails are made of
	"image/jpeg"
	_ "image/png"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Attachment is a file of a message.
type Attachment struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	MediaType string `json:"media_type" doc:"by content, not by what the sender said"`
	Bytes     int64  `json:"bytes"`
	Width     int    `json:"width,omitempty"`
	Height    int    `json:"height,omitempty"`
	Thumb     bool   `json:"thumb,omitempty" doc:"there is a small picture of it"`
}

// Errors of files.
var (
	ErrTooLong  = errors.New("the file is too long")
	ErrFileType = errors.New("files of this type are not taken")
)

// mediaTypes are what is taken, by content. What a browser would run is not
// among them: HTML, SVG, scripts.
var mediaTypes = map[string]bool{"image/jpeg": true, "image/png": true, "image/gif": true, "image/webp": true, "application/pdf": true, "text/plain": true, "application/zip": true,
	"audio/mpeg": true, "audio/wave": true, "application/ogg": true, "video/mp4": true, "video/webm": true, "audio/basic": true, "audio/aiff": true}

const (
	thumbSide   = 320
	maxPixels   = 40_000_000
	maxLoose    = 30 // files of one conversation that belong to no message
	fileNameMax = 120
)

// mediaType tells what a file is by its beginning, in the words of mediaTypes.
func mediaType(head []byte) (string, bool) {
	t, _, _ := strings.Cut(http.DetectContentType(head), ";")
	if t == "text/plain" { // the sniffing lets anything without control characters pass
		low := bytes.ToLower(head)
		if !utf8.Valid(trimRune(head)) || bytes.Contains(low, []byte("<script")) || bytes.Contains(low, []byte("<svg")) || bytes.Contains(low, []byte("<html")) {
			return t, false
		}
	}
	return t, mediaTypes[t]
}

// trimRune drops a rune that the cut of the head has torn.
func trimRune(b []byte) []byte {
	for i := 0; i < utf8.UTFMax && len(b) > 0; i++ {
		if r, _ := utf8.DecodeLastRune(b); r != utf8.RuneError {
			return b
		}
		b = b[:len(b)-1]
	}
	return b
}

// Keep stores a file for a message to come. Errors are ErrTooLong, ErrFileType, ErrBad or others.
func (s *Service) Keep(ctx context.Context, c ID, name string, byCustomer bool, r io.Reader) (Attachment, error) {
	a := Attachment{ID: rand.Text(), Name: fileName(name)}
	loose, err := pg.Row(ctx, s.db, pgx.RowTo[int], `select count(*) from attachments where conversation_id = $1 and message_id is null`, c)
	if err != nil {
		return a, err
	}
	if loose >= maxLoose {
		return a, bad("more than %d files wait to be sent", maxLoose)
	}
	sum, err := s.keepFile(&a, r)
	if err != nil {
		return a, err
	}
	_, err = s.db.Exec(ctx, `insert into attachments (id, conversation_id, sha256, bytes, media_type, name, width, height, thumb, by_customer, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		a.ID, c, sum, a.Bytes, a.MediaType, a.Name, a.Width, a.Height, a.Thumb, byCustomer, s.now().UTC())
	if err != nil {
		return a, fmt.Errorf("file of conversation %d: %w", c, err)
	}
	return a, nil
}

// keepFile writes a file under the hash of its content.
func (s *Service) keepFile(a *Attachment, r io.Reader) (sum string, err error) {
	if err := os.MkdirAll(s.cfg.Files, 0o700); err != nil {
		return "", fmt.Errorf("folder of attachments: %w", err)
	}
	tmp, err := os.CreateTemp(s.cfg.Files, ".new-*")
	if err != nil {
		return "", fmt.Errorf("attachment: %w", err)
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	h := sha256.New()
	a.Bytes, err = io.Copy(io.MultiWriter(tmp, h), io.LimitReader(r, s.cfg.MaxFile+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("attachment: %w", err)
	case a.Bytes > s.cfg.MaxFile:
		return "", fmt.Errorf("%w: %d bytes are the most", ErrTooLong, s.cfg.MaxFile)
	case a.Bytes == 0:
		return "", bad("the file is empty")
	}
	head := make([]byte, 512)
	n, err := tmp.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("attachment: %w", err)
	}
	var ok bool
	if a.MediaType, ok = mediaType(head[:n]); !ok {
		return "", fmt.Errorf("%w (%s)", ErrFileType, a.MediaType)
	}
	sum = hex.EncodeToString(h.Sum(nil))
	path := s.filePath(sum)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("attachment: %w", err)
	}
	if strings.HasPrefix(a.MediaType, "image/") {
		s.picture(a, tmp, path)
	}
	if err := tmp.Sync(); err != nil {
		return "", fmt.Errorf("attachment: %w", err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return "", fmt.Errorf("attachment: %w", err)
	}
	return sum, nil
}

func (s *Service) filePath(sum string) string { return filepath.Join(s.cfg.Files, sum[:2], sum) }

// picture finds out the size and makes a small picture; what cannot be read has none.
func (s *Service) picture(a *Attachment, f *os.File, path string) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return
	}
	cfg, _, err := image.DecodeConfig(f)
	if err != nil || cfg.Width <= 0 || cfg.Height <= 0 || cfg.Width*cfg.Height > maxPixels {
		return
	}
	a.Width, a.Height = cfg.Width, cfg.Height
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return
	}
	full, _, err := image.Decode(f)
	if err != nil {
		return
	}
	var buf bytes.Buffer
	if jpeg.Encode(&buf, shrink(full, thumbSide), &jpeg.Options{Quality: 80}) != nil {
		return
	}
	a.Thumb = os.WriteFile(path+".thumb", buf.Bytes(), 0o600) == nil
}

// shrink makes a picture that is at most side wide and high, each point the mean of those it stands for, on white.
func shrink(src image.Image, side int) image.Image {
	b := src.Bounds()
	w, h := b.Dx(), b.Dy()
	scale := max(float64(w), float64(h)) / float64(side)
	if scale < 1 {
		scale = 1
	}
	tw, th := max(1, int(float64(w)/scale)), max(1, int(float64(h)/scale))
	out := image.NewRGBA(image.Rect(0, 0, tw, th))
	for y := range th {
		y0, y1 := b.Min.Y+y*h/th, b.Min.Y+max((y+1)*h/th, y*h/th+1)
		for x := range tw {
			x0, x1 := b.Min.X+x*w/tw, b.Min.X+max((x+1)*w/tw, x*w/tw+1)
			out.SetRGBA(x, y, mean(src, x0, y0, x1, y1))
		}
	}
	return out
}

func mean(src image.Image, x0, y0, x1, y1 int) color.RGBA {
	var r, g, b, n uint64
	stepX, stepY := max(1, (x1-x0)/8), max(1, (y1-y0)/8) // at most about 64 points each
	for y := y0; y < y1; y += stepY {
		for x := x0; x < x1; x += stepX {
			cr, cg, cb, ca := src.At(x, y).RGBA()
			white := uint64(0xffff - ca)
			r, g, b, n = r+uint64(cr)+white, g+uint64(cg)+white, b+uint64(cb)+white, n+1
		}
	}
	return color.RGBA{uint8(r / n >> 8), uint8(g / n >> 8), uint8(b / n >> 8), 0xff}
}

// fileName is a name without folders and control characters.
func fileName(name string) string {
	name = storable(name)
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || strings.ContainsRune("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\"", r) {
			return -1
		}
		return r
	}, name)
	if name = strings.TrimSpace(name); name == "" || name == "." || name == ".." {
		return "file"
	}
	return clip(name, fileNameMax)
}

// bind gives files that were kept before to a message.
func (s *Service) bind(ctx context.Context, tx pgx.Tx, m *Message, files []string, byCustomer bool) error {
	if len(files) == 0 {
		return nil
	}
	tag, err := tx.Exec(ctx, `update attachments set message_id = $1 where id = any($2) and conversation_id in ($3, $4) and message_id is null and by_customer = $5`, m.ID, files, m.Conversation, m.Thread, byCustomer)
	if err != nil {
		return err
	}
	if int(tag.RowsAffected()) != len(files) {
		return bad("a file is not there, or was sent before")
	}
	m.Files, err = filesOf(ctx, tx, m.ID)
	return err
}

const attachmentColumns = `id, name, media_type, bytes, width, height, thumb`

func filesOf(ctx context.Context, tx pgx.Tx, m MessageID) ([]Attachment, error) {
	rows, err := tx.Query(ctx, `select `+attachmentColumns+` from attachments where message_id = $1 order by created_at, id`, m)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Attachment])
}

// File is an attachment with where it belongs.
type File struct {
	Attachment
	Conversation ID
	Message      MessageID // 0 while it belongs to none
	sum          string
}

// FileOf is what is known of an attachment.
func (s *Service) FileOf(ctx context.Context, id string) (File, error) {
	return pg.Row(ctx, s.db, func(row pgx.CollectableRow) (File, error) {
		var f File
		err := row.Scan(&f.ID, &f.Name, &f.MediaType, &f.Bytes, &f.Width, &f.Height, &f.Thumb, &f.Conversation, &f.Message, &f.sum)
		return f, err
	}, `select `+attachmentColumns+`, conversation_id, coalesce(message_id, 0), sha256 from attachments where id = $1`, clip(id, maxID))
}

// Open opens the file, or its small picture.
func (s *Service) Open(f File, thumb bool) (*os.File, error) {
	path := s.filePath(f.sum)
	if thumb {
		path += ".thumb"
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, pg.ErrNotFound
	}
	return file, err
}

// ServeFile answers with a file so that no browser runs it: as a download of the
// type that it has, pictures shown, all in a sandbox without anything allowed.
func (s *Service) ServeFile(w http.ResponseWriter, r *http.Request, f File, thumb bool) {
	file, err := s.Open(f, thumb)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer file.Close()
	h := w.Header()
	kind, how := f.MediaType, "attachment"
	if thumb {
		kind = "image/jpeg"
	}
	if strings.HasPrefix(kind, "image/") {
		how = "inline"
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", how+`; filename*=UTF-8''`+percent(f.Name))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // the widget stands in pages of others
	h.Set("Cache-Control", "private, max-age=86400, immutable")
	http.ServeContent(w, r, "", time.Time{}, file)
}

// percent is a name as RFC 8187 wants it in a header.
func percent(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// tidyFiles removes what was never sent, and files that no row names any more.
func (s *Service) tidyFiles(ctx context.Context, before time.Time) error {
	sums, err := pg.Rows(ctx, s.db, pgx.RowTo[string], `delete from attachments where message_id is null and created_at < $1 returning sha256`, before)
	if err != nil {
		return fmt.Errorf("tidy files: %w", err)
	}
	for _, sum := range sums {
		used, err := pg.Row(ctx, s.db, pgx.RowTo[bool], `select exists (select 1 from attachments where sha256 = $1)`, sum)
		if err != nil {
			return fmt.Errorf("tidy files: %w", err)
		}
		if !used {
			_ = os.Remove(s.filePath(sum))
			_ = os.Remove(s.filePath(sum) + ".thumb") // not every file has one
		}
	}
	return nil
}
