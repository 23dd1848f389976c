package pg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// DB is an open, migrated database: a pool, and the private cluster under it
// when it has one. Safe for concurrent use. Every statement is bounded by
// Config.QueryTimeout and every error is mapped (see Map).
type DB struct {
	pool    *pgxpool.Pool
	cluster *Cluster
	cfg     Config
	meter   *meter
	version int
	once    sync.Once
}

// Open starts the private cluster if cfg names no URL, connects, checks the
// server's version and runs the migrations. Close ends what Open started.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*DB, error) {
	cfg = cfg.withDefaults()
	dsn := cfg.URL
	d := &DB{cfg: cfg, meter: &meter{}}
	if dsn == "" {
		d.cluster = NewCluster(cfg, log)
		if err := d.cluster.Start(ctx); err != nil {
			return nil, err
		}
		dsn = d.cluster.DSN("")
	}
	if err := d.connect(ctx, dsn); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if err := d.migrate(ctx, log); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Attach connects to a database that has the schema already, as pgtest's templates have.
func Attach(ctx context.Context, dsn string, cfg Config) (*DB, error) {
	d := &DB{cfg: cfg.withDefaults(), meter: &meter{}}
	if err := d.connect(ctx, dsn); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *DB) connect(ctx context.Context, dsn string) error {
	pc, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return fmt.Errorf("pg.url is no PostgreSQL address (want postgres://user:password@host:5432/name): %w", hidePassword(err))
	}
	pc.MaxConns = int32(d.cfg.MaxConns)
	pc.MinConns = 1
	pc.MaxConnLifetime, pc.MaxConnLifetimeJitter = time.Hour, 10*time.Minute
	pc.MaxConnIdleTime = 5 * time.Minute
	pc.HealthCheckPeriod = 5 * time.Second
	pc.ConnConfig.ConnectTimeout = d.cfg.ConnectTimeout
	pc.ConnConfig.Tracer = d.meter
	params := pc.ConnConfig.RuntimeParams
	params["application_name"] = "tingxin"
	params["timezone"] = "UTC"
	// The server gives up when we do, and a little later for what we cannot cancel.
	params["statement_timeout"] = strconv.FormatInt((d.cfg.QueryTimeout + time.Second).Milliseconds(), 10)
	params["idle_in_transaction_session_timeout"] = strconv.FormatInt((2 * d.cfg.QueryTimeout).Milliseconds(), 10)
	if d.pool, err = pgxpool.NewWithConfig(ctx, pc); err != nil {
		return fmt.Errorf("database pool: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, d.cfg.ConnectTimeout+time.Second)
	defer cancel()
	if err := d.pool.QueryRow(ctx, "select current_setting('server_version_num')::int").Scan(&d.version); err != nil {
		return fmt.Errorf("the database at %s cannot be used, check that it runs and that pg.url and its password are right: %w", address(pc.ConnConfig), Map(err))
	}
	if d.version < MinVersion*10000 {
		return fmt.Errorf("the database at %s is PostgreSQL %d, version %d or newer is needed", address(pc.ConnConfig), d.version/10000, MinVersion)
	}
	return nil
}

// hidePassword keeps a DSN, and so its password, out of an error.
func hidePassword(err error) error {
	if parse := new(pgconn.ParseConfigError); errors.As(err, &parse) {
		return errors.Unwrap(parse)
	}
	return err
}

func address(c *pgx.ConnConfig) string {
	u := url.URL{Scheme: "postgres", Host: c.Host + ":" + strconv.Itoa(int(c.Port)), Path: "/" + c.Database}
	if c.Host != "" && c.Host[0] == '/' {
		return c.Host + " (" + c.Database + ")"
	}
	return u.String()
}

// Pool is the pool itself, for COPY, LISTEN and River; its errors are not mapped.
func (d *DB) Pool() *pgxpool.Pool { return d.pool }

// Cluster is the private cluster, nil when the server is somebody else's.
func (d *DB) Cluster() *Cluster { return d.cluster }

// Version is the server's as a number, 150018 for 15.18.
func (d *DB) Version() int { return d.version }

// bound adds the statement's time limit.
func (d *DB) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d.cfg.QueryTimeout)
}

// Exec runs one statement and tells how many rows it touched.
func (d *DB) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	ctx, cancel := d.bound(ctx)
	defer cancel()
	tag, err := d.pool.Exec(ctx, sql, args...)
	return tag.RowsAffected(), Map(err)
}

// Tx runs f in a transaction: committed when f returns nil, rolled back
// otherwise. Errors of f and of the commit are mapped.
func (d *DB) Tx(ctx context.Context, f func(pgx.Tx) error) error {
	ctx, cancel := d.bound(ctx)
	defer cancel()
	return Map(pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		if err := tellCause(ctx, tx); err != nil {
			return err
		}
		return f(tx)
	}))
}

// Rows runs a query and makes a T of each row with scan, for example
// pgx.RowToStructByName[T]. No rows give an empty slice.
func Rows[T any](ctx context.Context, d *DB, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	ctx, cancel := d.bound(ctx)
	defer cancel()
	rows, err := d.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, Map(err)
	}
	all, err := pgx.CollectRows(rows, scan)
	return all, Map(err)
}

// Row runs a query for its first row; ErrNotFound when there is none.
func Row[T any](ctx context.Context, d *DB, scan pgx.RowToFunc[T], sql string, args ...any) (T, error) {
	ctx, cancel := d.bound(ctx)
	defer cancel()
	rows, err := d.pool.Query(ctx, sql, args...)
	if err != nil {
		var none T
		return none, Map(err)
	}
	one, err := pgx.CollectOneRow(rows, scan)
	return one, Map(err)
}

// Probe measures one round trip to the server.
func (d *DB) Probe(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.ConnectTimeout)
	defer cancel()
	start := time.Now()
	err := d.pool.Ping(ctx)
	return time.Since(start), Map(err)
}

// Close ends the pool and then the private cluster. Twice is fine.
func (d *DB) Close() error {
	var err error
	d.once.Do(func() {
		if d.pool != nil {
			d.pool.Close()
		}
		if d.cluster != nil {
			err = d.cluster.Close()
		}
	})
	return err
}

// VersionText is a server's version number as people write it: 150018 is "15.18".
func VersionText(number int) string {
	return strconv.Itoa(number/10000) + "." + strconv.Itoa(number%10000)
}

// TxRows is Rows within a transaction.
func TxRows[T any](ctx context.Context, tx pgx.Tx, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	rows, _ := tx.Query(ctx, sql, args...) // the error comes with the rows
	all, err := pgx.CollectRows(rows, scan)
	return all, Map(err)
}

// TxRow is Row within a transaction, for a query that has one row.
func TxRow[T any](ctx context.Context, tx pgx.Tx, scan pgx.RowToFunc[T], sql string, args ...any) (T, error) {
	rows, _ := tx.Query(ctx, sql, args...) // the error comes with the row
	one, err := pgx.CollectExactlyOneRow(rows, scan)
	return one, Map(err)
}
