package call

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"

	"github.com/google/uuid"
)

// ErrCursor says that a page cursor was not made by List.
var ErrCursor = errors.New("the cursor is not one that this server gave out")

// cursor is the place after the last call of a page: its start, then its id.
type cursor struct {
	started time.Time // microseconds, as PostgreSQL keeps it
	id      uuid.UUID
}

// cursorVersion is the first byte; another order of pages gets another one.
const cursorVersion = 1

func (c cursor) String() string {
	b := make([]byte, 0, 25)
	b = append(b, cursorVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(c.started.UnixMicro()))
	b = append(b, c.id[:]...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Times that PostgreSQL can hold and time.Time can count in microseconds.
var (
	earliest = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	latest   = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).UnixMicro()
)

func parseCursor(s string) (cursor, error) {
	if len(s) > 64 {
		return cursor{}, ErrCursor
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != 25 || b[0] != cursorVersion {
		return cursor{}, ErrCursor
	}
	micros := int64(binary.BigEndian.Uint64(b[1:]))
	if micros < earliest || micros > latest {
		return cursor{}, ErrCursor
	}
	return cursor{time.UnixMicro(micros).UTC(), uuid.UUID(b[9:])}, nil
}
