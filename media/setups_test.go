package media

import (
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// Set-ups that are cut off at any point, and complete ones, leave nothing behind: no
// goroutine, no descriptor, no route on the port. TINGXIN_SETUPS=10000 is the long run.
func TestWebRTCSetupsLeaveNothing(t *testing.T) {
	n := 90
	if s := os.Getenv("TINGXIN_SETUPS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	// Browsers come from a port of their own each. Here the far ends take turns, so that
	// a late packet of a set-up that was cut off does not reach the next one from the same port.
	ours, theirs := liveEngine(t), make([]*Engine, 16)
	for i := range theirs {
		theirs[i] = liveEngine(t)
		setup(t, ours, theirs[i], 5) // opens the ports
	}
	goroutines, files := settle(0), descriptors(t)
	complete, began := 0, time.Now()
	for i := range n {
		stage := 5
		if i%3 == 0 {
			stage = rand.IntN(5)
		}
		if setup(t, ours, theirs[i%len(theirs)], stage) {
			complete++
		}
	}
	per := time.Since(began) / time.Duration(n)
	t.Logf("%d of %d complete, %v each, goroutines %d, descriptors %d", complete, n, per, goroutines, files)
	if complete < n*2/3 {
		t.Errorf("only %d of %d complete", complete, n)
	}
	if now := settle(goroutines); now > goroutines {
		buf := make([]byte, 1<<16)
		t.Errorf("%d goroutines, were %d\n%s", now, goroutines, buf[:runtime.Stack(buf, true)])
	}
	if now := descriptors(t); now != files {
		t.Errorf("%d descriptors, were %d", now, files)
	}
	for _, e := range append(theirs, ours) {
		if s := e.Stats(); s.Legs != 0 {
			t.Errorf("%d legs", s.Legs)
		}
		for _, s := range e.ice.socks {
			if len(s.routes) != 0 {
				t.Errorf("%d routes", len(s.routes))
			}
		}
	}
}

// setup lets two legs find each other up to a stage: 0 made, 1 offered, 2 answered, 3
// and 4 closed in the middle of ICE and DTLS, 5 complete.
func setup(t *testing.T, ours, theirs *Engine, stage int) bool {
	t.Helper()
	a, b := webLeg(t, ours), webLeg(t, theirs)
	defer func() {
		for _, l := range []*Leg{a, b} {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
	}()
	if stage == 0 {
		return false
	}
	offer, err := a.Offer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if stage == 1 {
		return false
	}
	answer, err := b.AcceptOffer(t.Context(), offer)
	if err != nil {
		t.Fatal(err)
	}
	if stage == 2 {
		return false
	}
	if err := a.AcceptAnswer(t.Context(), answer); err != nil {
		t.Fatal(err)
	}
	if stage < 5 {
		time.Sleep(rand.N(10 * time.Millisecond))
		return false
	}
	secured(t, a)
	secured(t, b)
	return true
}

// A browser that wanders from path to path keeps only the last few of them open.
func TestPathsAreBounded(t *testing.T) {
	e := liveEngine(t)
	l := webLeg(t, e)
	sock := e.ice.socks[0]
	for port := range uint16(50) {
		l.web.remember(sock, loopback(40000+port%20))
	}
	if n := len(sock.routes); n != maxPaths || len(l.web.paths) != maxPaths || sock.routes[loopback(40009)] != l.web {
		t.Errorf("%d routes, %d paths", n, len(l.web.paths))
	}
	must(t, l.Close())
	if n := len(sock.routes); n != 0 {
		t.Errorf("%d routes after the end", n)
	}
}

// settle waits until no more than want goroutines run, 5 s at most, and returns how many do.
func settle(want int) (n int) {
	for range 100 {
		if n = runtime.NumGoroutine(); n <= want {
			return n
		}
		time.Sleep(50 * time.Millisecond)
		if want == 0 && n == runtime.NumGoroutine() {
			return n
		}
	}
	return n
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// A tick of WebRTC legs allocates nothing of ours: from the reading of the port over
// the queue, SRTP both ways, to the socket.
func TestWebRTCTickDoesNotAllocate(t *testing.T) {
	ours, theirs := newRig(t), newRig(t)
	a, b := webLeg(t, ours.Engine), webLeg(t, theirs.Engine)
	offer, err := a.Offer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	answer, err := b.AcceptOffer(t.Context(), offer)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.AcceptAnswer(t.Context(), answer); err != nil {
		t.Fatal(err)
	}
	secured(t, a)
	secured(t, b)
	time.Sleep(100 * time.Millisecond) // the agents calm down
	a.control.due, b.control.due = 1<<62, 1<<62
	ours.step(5)
	theirs.step(5)
	n := testing.AllocsPerRun(100, func() {
		ours.step(1)
		theirs.step(1)
		time.Sleep(time.Millisecond) // the readers of the ports have their turn
	})
	if n >= 1 { // ICE sends a check now and then
		t.Errorf("%v allocations per tick", n)
	}
	if a.Stats().PacketsOut < 100 || b.Stats().PacketsIn < 20 {
		t.Errorf("%+v %+v", a.Stats(), b.Stats())
	}
}
