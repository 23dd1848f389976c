package pg

import "time"

// Moment is a time as PostgreSQL has it, in UTC; the zero time for null.
func Moment(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// OrNull is a value for PostgreSQL or JSON; null for the zero value, whatever zone a zero time is in.
func OrNull[T comparable](v T) *T {
	var zero T
	if t, ok := any(v).(time.Time); v == zero || ok && t.IsZero() {
		return nil
	}
	return &v
}
