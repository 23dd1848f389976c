package web_test

import (
	"io/fs"
	"testing"

	"tingxin/web"
)

func TestFilesSayWhetherThePagesWereBuilt(t *testing.T) {
	files, built := web.FS()
	_, err := fs.Stat(files, "index.html")
	if built != (err == nil) {
		t.Fatalf("built = %v, but index.html: %v", built, err)
	}
	if _, err := fs.Stat(files, ".gitkeep"); err != nil {
		t.Fatalf("the folder must be there in every clone: %v", err)
	}
	if !built {
		t.Skip("the pages are not built here: run `make web`")
	}
	assets, err := fs.Glob(files, "assets/*.js")
	if err != nil || len(assets) == 0 {
		t.Fatalf("index.html without scripts: %v %v", assets, err)
	}
}
