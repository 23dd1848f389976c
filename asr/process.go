package asr

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tingxin/asr/asrpb"
)

const (
	firstBackoff = time.Second // the others need the processor for what they hear again
	lastBackoff  = 30 * time.Second
	calmAfter    = time.Minute // uptime after which the back-off starts over
	drainLimit   = 2 * time.Hour
)

// workerSlot keeps one worker process running: starts it, restarts it with
// back-off, replaces it when it has grown too large.
type workerSlot struct {
	pool     *Pool
	bin      string
	number   int
	restarts int
}

// process is one run of asrd.
type process struct {
	member *member
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	exited chan struct{} // closed when it has ended
	err    error         // why, valid after exited
}

// run is the slot's life.
func (w *workerSlot) run() {
	backoff := firstBackoff
	for w.pool.ctx.Err() == nil {
		began := time.Now()
		proc, err := w.start()
		if err != nil {
			w.pool.log.Error("speech worker does not start", "worker", w.number, "error", err)
		} else {
			proc = w.keep(proc)
			<-proc.exited
			if w.pool.ctx.Err() != nil {
				return
			}
			w.pool.log.Error("speech worker ended", "worker", proc.member.id, "error", proc.err, "uptime", time.Since(began).Round(time.Second))
		}
		w.restarts++
		w.pool.stats.restarts.Add(1)
		if time.Since(began) > calmAfter {
			backoff = firstBackoff
		}
		select {
		case <-time.After(backoff):
		case <-w.pool.ctx.Done():
		}
		backoff = min(2*backoff, lastBackoff)
	}
}

// keep watches a process until it ends and gives the one that ended: a
// replacement may have taken its place.
func (w *workerSlot) keep(proc *process) *process {
	t := time.NewTicker(healthEvery / 5)
	defer t.Stop()
	ready, fresh := false, 0
	for {
		select {
		case <-proc.exited:
			w.pool.drop(proc.member)
			return proc
		case <-w.pool.ctx.Done():
			proc.stop()
			w.pool.drop(proc.member)
			return proc
		case <-t.C:
		}
		now, changed := proc.member.poll(w.pool.ctx)
		if changed {
			w.pool.announce()
		}
		if now && !ready {
			ready, fresh = true, proc.member.rssMB()
			t.Reset(healthEvery)
			w.pool.log.Info("speech worker ready", "worker", proc.member.id, "pid", proc.cmd.Process.Pid, "rss_mb", proc.member.rssMB())
		}
		if ready && proc.member.hung() {
			w.pool.log.Error("speech worker does not answer: killed", "worker", proc.member.id)
			proc.kill()
		}
		// A limit below what a fresh worker takes would replace without end.
		if rss := proc.member.rssMB(); ready && rss > w.pool.cfg.RSSLimitMB && rss > fresh+fresh/5 {
			proc, ready = w.replace(proc), false
			t.Reset(healthEvery / 5)
		}
	}
}

// replace starts the successor and lets the old process finish its streams.
func (w *workerSlot) replace(old *process) *process {
	w.pool.log.Warn("speech worker has grown: replacing it", "worker", old.member.id, "rss_mb", old.member.rssMB())
	next, err := w.start()
	if err != nil {
		w.pool.log.Error("no replacement for the speech worker", "error", err)
		return old
	}
	w.pool.stats.recycled.Add(1)
	// Ends when the old process has ended: its streams are over, or the pool closes.
	w.pool.slots.Go(func() { w.retire(old, next) })
	return next
}

// retire drains a process once its successor is ready, and ends it.
func (w *workerSlot) retire(old, next *process) {
	deadline := time.Now().Add(drainLimit)
	t := time.NewTicker(healthEvery)
	defer t.Stop()
	drained := false
	for time.Now().Before(deadline) {
		select {
		case <-old.exited:
			w.pool.drop(old.member)
			return
		case <-w.pool.ctx.Done():
			deadline = time.Time{}
			continue
		case <-t.C:
		}
		if !drained && next.member.usable() {
			ctx, cancel := context.WithTimeout(w.pool.ctx, healthTimeout)
			_, err := old.member.client.Drain(ctx, &asrpb.DrainRequest{})
			cancel()
			drained = err == nil
			old.member.setState("draining")
			w.pool.announce()
		}
		old.member.poll(w.pool.ctx)
		if drained && old.member.streams.Load() == 0 {
			break
		}
	}
	old.stop()
	<-old.exited
	w.pool.drop(old.member)
}

// start starts one process and makes it a member.
func (w *workerSlot) start() (*process, error) {
	p := w.pool
	sock := p.socket(w.number)
	models, err := json.Marshal(p.cfg.Models)
	if err != nil {
		return nil, err
	}
	turn, err := json.Marshal(p.cfg.Turn)
	if err != nil {
		return nil, err
	}
	m, err := p.newMember(fmt.Sprintf("w%d", w.number), "unix://"+sock)
	if err != nil {
		return nil, err
	}
	m.restarts = w.restarts
	cmd := exec.Command(w.bin, "serve", "--listen", "unix://"+sock, "--models", string(models), "--turn", string(turn),
		"--threads", strconv.Itoa(p.cfg.Threads), "--max-channels", strconv.Itoa(p.cfg.ChannelsPerWorker),
		"--frames-per-chunk", strconv.Itoa(p.cfg.FramesPerChunk), "--parent", "--admit-all="+strconv.FormatBool(p.cfg.AdmitAll), "--phrase-lists="+strconv.FormatBool(p.cfg.PhraseLists))
	cmd.Env = append(os.Environ(), "TMPDIR="+p.dir)
	if p.cfg.LibraryPath != "" {
		cmd.Env = append(cmd.Env, "LD_LIBRARY_PATH="+strings.TrimSuffix(p.cfg.LibraryPath+":"+os.Getenv("LD_LIBRARY_PATH"), ":"))
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	proc, err := w.launch(cmd, m)
	if err != nil {
		m.close()
		return nil, err
	}
	p.add(m)
	return proc, nil
}

// launch runs the command on a thread of its own: the kernel sends Pdeathsig
// when the thread that started it ends, not the process.
func (w *workerSlot) launch(cmd *exec.Cmd, m *member) (*process, error) {
	proc := &process{member: m, cmd: cmd, exited: make(chan struct{})}
	var err error
	if proc.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	started := make(chan error)
	// Ends when the process has ended.
	w.pool.slots.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		relay(stderr, w.pool.log.With("worker", m.id, "pid", cmd.Process.Pid))
		proc.err = cmd.Wait()
		close(proc.exited)
	})
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return proc, nil
}

// stop asks the process to end and kills it if it does not within 3 s.
func (p *process) stop() {
	_ = p.stdin.Close()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	t := time.NewTimer(3 * time.Second)
	defer t.Stop()
	select {
	case <-p.exited:
	case <-t.C:
		p.kill()
	}
}

func (p *process) kill() {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.member.setState("down")
	}
}

// relay puts the worker's lines into our log until its stderr closes.
func relay(r io.Reader, log *slog.Logger) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 4096), 64<<10)
	for lines.Scan() {
		line := lines.Text()
		level := slog.LevelInfo
		switch {
		case strings.Contains(line, "level=DEBUG"):
			level = slog.LevelDebug
		case strings.Contains(line, "level=WARN"), strings.HasPrefix(line, "WARNING"):
			level = slog.LevelWarn
		case strings.Contains(line, "level=ERROR"), strings.HasPrefix(line, "ERROR"), strings.HasPrefix(line, "asrd:"), strings.HasPrefix(line, "ASSERTION"):
			level = slog.LevelError
		}
		log.Log(context.Background(), level, "speech worker says", "line", line)
	}
	_, _ = io.Copy(io.Discard, r)
}
