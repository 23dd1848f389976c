package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"tingxin/api"
	"tingxin/kb"
	"tingxin/pg"
)

// runKB is "pbx kb import" and "pbx kb export".
func runKB(args []string, out, errOut io.Writer) error {
	if len(args) == 0 {
		return kbWhat
	}
	switch args[0] {
	case "import":
		return runKBImport(args[1:], out, errOut)
	case "export":
		return runKBExport(args[1:], out, errOut)
	}
	return kbWhat
}

var kbWhat = usage{errors.New(`kb what? "pbx kb import FILE-OR-FOLDER" or "pbx kb export FILE"; with --help they tell more`)}

func runKBImport(args []string, out, errOut io.Writer) error {
	fs := newFlags("kb import", "Bring articles in from a file (.csv, .jsonl, .md, .html, .zip) or a folder of such files.\nAn article is found by id and language; the same file again changes nothing. A running\nserver sees them at once. Give the flags before the file.", errOut)
	path := fs.String("config", "", "configuration `file` (YAML), for its section pg; defaults when not given")
	draft := fs.Bool("draft", false, "leave them as drafts instead of publishing them")
	check := fs.Bool("check", false, "only tell what would be wrong")
	if err := fs.Parse(args); err != nil {
		return flagError(err)
	}
	if fs.NArg() != 1 {
		return usage{errors.New("kb import needs one file or folder")}
	}
	batch, err := readArticles(fs.Arg(0))
	if err != nil {
		return err
	}
	ctx, db, done, err := openForArticles(*path)
	if err != nil {
		return err
	}
	r, err := api.ImportArticles(ctx, db, batch, kb.ImportOptions{Publish: !*draft, Check: *check}, "pbx kb import")
	for _, e := range r.Errors {
		fmt.Fprintf(errOut, "%s: %s\n", e.Where, e.Reason)
	}
	fmt.Fprintf(out, "%d created, %d updated, %d as they were, %d published, %d questions, %d failed\n", r.Created, r.Updated, r.Same, r.Published, r.Questions, r.Failed)
	if err = errors.Join(err, done()); err == nil && r.Failed > 0 {
		err = fmt.Errorf("%d articles did not come in", r.Failed)
	}
	return err
}

func runKBExport(args []string, out, errOut io.Writer) error {
	fs := newFlags("kb export", "Write all articles into a file that kb import reads. Give the flags before the file.", errOut)
	path := fs.String("config", "", "configuration `file` (YAML), for its section pg; defaults when not given")
	format := fs.String("format", "jsonl", "csv, jsonl, markdown (ZIP), html (ZIP) or bitext (CSV)")
	lang := fs.String("lang", "", "zh or en; both when not given")
	if err := fs.Parse(args); err != nil {
		return flagError(err)
	}
	if fs.NArg() != 1 || kb.Formats[*format] == "" {
		return usage{errors.New("kb export needs one file, and a format that there is")}
	}
	ctx, db, done, err := openForArticles(*path)
	if err != nil {
		return err
	}
	items, err := kb.NewStore(db).Export(ctx, kb.Filter{Lang: *lang})
	if err = errors.Join(err, done()); err != nil {
		return err
	}
	f, err := os.OpenFile(fs.Arg(0), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if err := errors.Join(kb.Write(f, *format, items), f.Close()); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d articles\n", len(items))
	return nil
}

// readArticles reads a file or every file of a folder.
func readArticles(path string) (*kb.Batch, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if st.IsDir() {
		return kb.ReadFolder(os.DirFS(path))
	}
	if st.Size() > kb.MaxImport {
		return nil, fmt.Errorf("%s has more than %d MB", path, kb.MaxImport>>20)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return kb.ReadFile(filepath.Base(path), data)
}

// openForArticles opens the database that a server uses; done closes it.
func openForArticles(config string) (ctx context.Context, db *pg.DB, done func() error, err error) {
	cfg, err := load(config, os.Environ())
	if err != nil {
		return nil, nil, nil, err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	db, err = openBeside(ctx, cfg.withDefaults().PG)
	if err != nil {
		stop()
		return nil, nil, nil, err
	}
	return ctx, db, func() error { stop(); return db.Close() }, nil
}
