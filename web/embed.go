// Package web carries the pages: what Vite builds into web/dist is embedded in
// the binary, so that one file serves everything and nothing is loaded from
// elsewhere. It refuses to know about HTTP: api serves the files.
//
//	web/src --vite build--> web/dist --go:embed--> FS() --> api
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

//go:embed widget/shop
var shop embed.FS

// Shop is the folder of the demo's shop, a page that has the widget.
func Shop() fs.FS {
	files, err := fs.Sub(shop, "widget/shop")
	if err != nil {
		panic(err) // only an invalid folder name leads here and ours is a constant
	}
	return files
}

// FS is the folder of built pages with index.html at its root. built is false
// when the binary was made before the pages were: the folder then holds no
// index.html and the caller says so instead of showing an empty page.
func FS() (files fs.FS, built bool) {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		// Only an invalid folder name leads here and ours is a constant.
		panic(err)
	}
	_, err = fs.Stat(files, "index.html")
	return files, err == nil
}
