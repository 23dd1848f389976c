package pg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// MinVersion is the oldest PostgreSQL major version that the schema is tested with.
const MinVersion = 13

// programs are the server programs of one PostgreSQL version.
type programs struct {
	dir   string
	major int
}

func (p programs) path(name string) string { return filepath.Join(p.dir, name) }

// errNoPrograms is what an operator reads on a machine without PostgreSQL.
var errNoPrograms = errors.New("no PostgreSQL server programs (initdb, postgres) found: install the package postgresql, or set pg.bin to their folder, or pg.url to a running server")

// findPrograms looks in bin if it is given, else in the folders of Debian, Red
// Hat and Homebrew and in PATH. want picks one major version, 0 takes the newest.
func findPrograms(ctx context.Context, bin string, want int) (programs, error) {
	found := installedPrograms(ctx, bin)
	if len(found) == 0 {
		if bin != "" {
			return programs{}, fmt.Errorf("pg.bin %q holds no initdb and postgres that run: correct it or leave it empty", bin)
		}
		return programs{}, errNoPrograms
	}
	for _, p := range found {
		if want == 0 || p.major == want {
			if p.major < MinVersion {
				return programs{}, fmt.Errorf("PostgreSQL %d in %s is too old: version %d or newer is needed", p.major, p.dir, MinVersion)
			}
			return p, nil
		}
	}
	return programs{}, fmt.Errorf("the cluster was made by PostgreSQL %d but only version %d is installed (%s): install postgresql-%d or move the data over with pg_upgrade",
		want, found[0].major, found[0].dir, want)
}

// installedPrograms are all complete sets, newest first.
func installedPrograms(ctx context.Context, bin string) []programs {
	dirs := []string{bin}
	if bin == "" {
		dirs = nil
		for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/local/pgsql/bin"} {
			more, _ := filepath.Glob(pattern) // the pattern is fixed and valid
			dirs = append(dirs, more...)
		}
		if postgres, err := exec.LookPath("postgres"); err == nil {
			if real, err := filepath.EvalSymlinks(postgres); err == nil {
				dirs = append(dirs, filepath.Dir(real))
			}
		}
	}
	var found []programs
	for _, dir := range dirs {
		if major := serverVersion(ctx, dir); major > 0 {
			found = append(found, programs{dir, major})
		}
	}
	slices.SortStableFunc(found, func(a, b programs) int { return b.major - a.major })
	return found
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// serverVersion asks postgres in dir for its major version; 0 when it or initdb is missing.
func serverVersion(ctx context.Context, dir string) int {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return 0
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return 0
	}
	m := versionPattern.FindSubmatch(out)
	if m == nil {
		return 0
	}
	major, _ := strconv.Atoi(string(m[1])) // the pattern took digits only
	return major
}
