package pg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Errors that callers branch on; test with errors.Is.
var (
	// ErrNotFound: no such row, or a row refers to one that is not there.
	ErrNotFound = errors.New("not found")
	// ErrConflict: a unique key is taken or a check of the schema failed.
	ErrConflict = errors.New("conflict")
	// ErrUnavailable: the database cannot be reached, is shutting down or too busy; try again later.
	ErrUnavailable = errors.New("database unavailable")
	// ErrErased: the person whom a row is about was erased.
	ErrErased = errors.New("this person was erased, nothing new can be made for them")
)

// Map turns an error of pgx into one of this package's, the cause kept inside.
// nil stays nil, what is mapped already stays as it is, what it does not know comes back unchanged.
func Map(err error) error {
	switch {
	case err == nil, errors.Is(err, ErrNotFound), errors.Is(err, ErrConflict), errors.Is(err, ErrUnavailable), errors.Is(err, ErrErased):
		return err
	case errors.Is(err, pgx.ErrNoRows):
		return ErrNotFound
	case errors.Is(err, context.Canceled):
		return err // the caller gave up: nothing is known about the database
	}
	if pgErr := new(pgconn.PgError); errors.As(err, &pgErr) {
		return mapState(pgErr, err)
	}
	if isConnection(err) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// mapState goes by SQLSTATE (PostgreSQL manual, appendix A).
func mapState(pgErr *pgconn.PgError, err error) error {
	switch code := pgErr.Code; {
	case code == "ER410": // of our own triggers
		return ErrErased
	case code == "23503": // foreign_key_violation
		return fmt.Errorf("%w: %s refers to nothing", ErrNotFound, pgErr.ConstraintName)
	case strings.HasPrefix(code, "23"): // integrity constraint
		return fmt.Errorf("%w: %s", ErrConflict, pgErr.ConstraintName)
	case strings.HasPrefix(code, "08"), strings.HasPrefix(code, "53"), strings.HasPrefix(code, "57P"), // connection, resources, shutdown
		code == "40001", code == "40P01", code == "55P03", code == "57014": // serialisation, deadlock, lock, statement timeout
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

func isConnection(err error) bool {
	var netErr net.Error
	var connect *pgconn.ConnectError
	return errors.As(err, &connect) || errors.As(err, &netErr) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "conn closed")
}
