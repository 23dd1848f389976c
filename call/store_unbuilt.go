package call

import "errors"

var errUnbuilt = errors.New("not there yet")

// ErrCursor says that a page cursor was not made by List.
var ErrCursor = errors.New("the cursor is not one that this server gave out")
