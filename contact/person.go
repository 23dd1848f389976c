package contact

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/jackc/pgx/v5"
)

// Exporter gives one noun's data of a person.
type Exporter interface {
	// Export writes everything of the person to out.
	Export(ctx context.Context, p *Person, out *Dump) error
}

// Dump is the archive of one person's data while it is written: a zip stream with
// a JSON file for each sort of data, the media, and a list of them.
type Dump struct {
	zip    *zip.Writer
	at     time.Time
	media  []MediaItem
	withIt bool
}

// MediaItem is a line of the list of media.
type MediaItem struct {
	Name    string `json:"name"` // in the archive; the place is empty when Missing or left out
	Of      string `json:"of"`   // what it belongs to, such as "call:<id>"
	SHA256  string `json:"sha256,omitempty"`
	Bytes   int64  `json:"bytes"`
	Missing bool   `json:"missing,omitempty"` // not on the disk any more
	LeftOut bool   `json:"left_out,omitempty"`
}

// JSON adds a file of JSON.
func (d *Dump) JSON(name string, v any) error {
	w, err := d.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: d.at})
	if err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(v)
}

// File adds a file from the disk under media/; one that is gone is listed as missing.
func (d *Dump) File(ctx context.Context, item MediaItem, from string) error {
	item.Name = path.Join("media", path.Base(item.Name))
	f, err := os.Open(from)
	if errors.Is(err, fs.ErrNotExist) {
		item.Missing = true
		d.media = append(d.media, item)
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil {
		item.Bytes = info.Size()
	}
	return d.put(item, &reader{ctx, f})
}

// Data is File for what is kept in the database.
func (d *Dump) Data(item MediaItem, data []byte) error {
	item.Name, item.Bytes = path.Join("media", path.Base(item.Name)), int64(len(data))
	return d.put(item, bytes.NewReader(data))
}

// put lists a piece, and stores it when media belong into the dump.
func (d *Dump) put(item MediaItem, in io.Reader) error {
	item.LeftOut = !d.withIt
	d.media = append(d.media, item)
	if item.LeftOut {
		return nil
	}
	w, err := d.zip.CreateHeader(&zip.FileHeader{Name: item.Name, Method: zip.Store, Modified: d.at})
	if err != nil {
		return err
	}
	_, err = io.Copy(w, in)
	return err
}

// reader ends with ctx.
type reader struct {
	ctx context.Context
	in  io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.in.Read(p)
}

// exported is contact.json.
type exported struct {
	Exported   time.Time          `json:"exported_at"`
	Contacts   []exportedContact  `json:"contacts"`
	Identities []exportedIdentity `json:"identities"`
	Notes      []Entry            `json:"notes"`
	Consents   []Entry            `json:"consents"`
}

type exportedContact struct {
	ID        ID             `json:"id"`
	Name      string         `json:"name"`
	Language  string         `json:"language"`
	VIP       bool           `json:"vip"`
	Tags      []string       `json:"tags"`
	Fields    map[string]any `json:"fields"`
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"`
}

type exportedIdentity struct {
	Kind     Kind      `json:"kind"`
	Account  string    `json:"account,omitempty"`
	Value    string    `json:"value"`
	Verified bool      `json:"verified"`
	Source   string    `json:"source"`
	Since    time.Time `json:"since"`
}

// everything is more entries than one person has.
const everything = 1_000_000

// Export writes all data of a person to w as a zip archive: contact.json, a file for each
// noun, media.json, and the media themselves when media is set.
func (s *Store) Export(ctx context.Context, id ID, media bool, w io.Writer) error {
	p, err := s.Person(ctx, id)
	if err != nil {
		return err
	}
	d := &Dump{zip: zip.NewWriter(w), at: s.now(), media: []MediaItem{}, withIt: media}
	if err := s.exportOwn(ctx, p, d); err != nil {
		return wrap(id, "export", err)
	}
	for _, n := range s.nouns {
		if n.Exporter == nil {
			continue
		}
		if err := n.Exporter.Export(ctx, p, d); err != nil {
			return wrap(id, "export "+n.Name, err)
		}
	}
	if err := d.JSON("media.json", d.media); err != nil {
		return wrap(id, "export", err)
	}
	return wrap(id, "export", d.zip.Close())
}

// Person is everything by which rows of a person are found; pg.ErrNotFound for one who was erased.
func (s *Store) Person(ctx context.Context, id ID) (*Person, error) {
	var p *Person
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		root, err := aliveRoot(ctx, tx, id)
		if err == nil {
			p, err = s.person(ctx, tx, root)
		}
		return err
	})
	return p, wrap(id, "person", err)
}

func (s *Store) exportOwn(ctx context.Context, p *Person, d *Dump) error {
	out := exported{Exported: s.now().UTC()}
	for _, id := range p.IDs {
		c, err := s.Get(ctx, id)
		if err != nil {
			return err
		}
		out.Contacts = append(out.Contacts, exportedContact{c.ID, c.Name, c.Language, c.VIP, c.Tags, c.Fields, c.CreatedAt, c.UpdatedAt})
	}
	for _, i := range p.Identities {
		out.Identities = append(out.Identities, exportedIdentity{i.Kind, i.Account, i.Value, i.Verified, i.Source, i.CreatedAt})
	}
	var err error
	if out.Notes, err = s.noteEntries(ctx, p.IDs, time.Time{}, everything); err != nil {
		return fmt.Errorf("notes: %w", err)
	}
	if out.Consents, err = s.consentEntries(ctx, p.IDs, time.Time{}, everything); err != nil {
		return fmt.Errorf("consents: %w", err)
	}
	return d.JSON("contact.json", out)
}
