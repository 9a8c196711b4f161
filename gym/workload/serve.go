package main

import (
	"fmt"
	"log"
	"math/rand"
	"net"
	"net/http"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

type server struct {
	mutex    sync.Mutex
	requests map[int]uint64 // by status code
	failRate float64
	readyAt  time.Time
	started  time.Time
}

func newServer(failRate float64, readyAfter time.Duration) *server {
	now := time.Now()
	// Both codes exist from the start: a counter that appears late makes rate() miss its first step.
	counters := map[int]uint64{200: 0, 500: 0}
	return &server{requests: counters, failRate: failRate, readyAt: now.Add(readyAfter), started: now}
}

func (s *server) listen(address string) {
	if !strings.Contains(address, ":") {
		address = ":" + address
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatalf("fatal: %v", err)
	}
	log.Printf("listening on %s", address)
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", s.healthz)
	mux.HandleFunc("/metrics", s.metrics)
	mux.HandleFunc("POST /practice/fail-rate/{value}", s.setFailRate)
	mux.HandleFunc("/", s.handle)
	go func() { log.Fatalf("fatal: %v", http.Serve(listener, mux)) }()
}

// answer decides one request's status and counts it.
func (s *server) answer() int {
	code := http.StatusOK
	s.mutex.Lock()
	if rand.Float64() < s.failRate {
		code = http.StatusInternalServerError
	}
	s.requests[code]++
	failures := s.requests[http.StatusInternalServerError]
	s.mutex.Unlock()
	if code != http.StatusOK && failures%25 == 1 {
		log.Printf("error: request failed status=%d path=/api/orders err=%q (%d so far)", code, text("FAIL_MESSAGE", "upstream returned 502 bad gateway"), failures)
	}
	return code
}

// load is the clients that a practice cluster does not have: the counters move by themselves.
func (s *server) load(perSecond float64) {
	if perSecond <= 0 {
		return
	}
	for range time.Tick(time.Duration(float64(time.Second) / perSecond)) {
		s.answer()
	}
}

func (s *server) handle(w http.ResponseWriter, r *http.Request) {
	code := s.answer()
	w.WriteHeader(code)
	fmt.Fprintf(w, "%s %d\n", r.URL.Path, code)
}

// setFailRate breaks (or mends) a running server from outside, as a dependency that goes away does: nothing
// of it is in the pod's manifest.
func (s *server) setFailRate(w http.ResponseWriter, r *http.Request) {
	rate, err := strconv.ParseFloat(r.PathValue("value"), 64)
	if err != nil || rate < 0 || rate > 1 {
		http.Error(w, "value must be a number from 0 to 1", http.StatusBadRequest)
		return
	}
	s.mutex.Lock()
	s.failRate = rate
	s.mutex.Unlock()
	fmt.Fprintln(w, "ok")
}

func (s *server) healthz(w http.ResponseWriter, _ *http.Request) {
	if time.Now().Before(s.readyAt) {
		http.Error(w, "not ready yet", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

func (s *server) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	s.mutex.Lock()
	defer s.mutex.Unlock()
	fmt.Fprint(w, "# HELP requests_total Requests answered, by status code.\n# TYPE requests_total counter\n")
	codes := make([]int, 0, len(s.requests))
	for code := range s.requests {
		codes = append(codes, code)
	}
	sort.Ints(codes)
	for _, code := range codes {
		fmt.Fprintf(w, "requests_total{code=\"%d\"} %d\n", code, s.requests[code])
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	fmt.Fprint(w, "# HELP process_resident_memory_bytes Resident memory size in bytes.\n# TYPE process_resident_memory_bytes gauge\n")
	fmt.Fprintf(w, "process_resident_memory_bytes %d\n", resident())
	fmt.Fprint(w, "# HELP go_memstats_heap_alloc_bytes Bytes of live heap.\n# TYPE go_memstats_heap_alloc_bytes gauge\n")
	fmt.Fprintf(w, "go_memstats_heap_alloc_bytes %d\n", memory.HeapAlloc)
	fmt.Fprint(w, "# HELP process_start_time_seconds Start time of the process since unix epoch in seconds.\n# TYPE process_start_time_seconds gauge\n")
	fmt.Fprintf(w, "process_start_time_seconds %d\n", s.started.Unix())
}

// resident reads the kernel's own count, in bytes; zero where /proc says nothing.
func resident() int {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var total, pages int
	if _, err := fmt.Sscan(string(data), &total, &pages); err != nil {
		return 0
	}
	return pages * os.Getpagesize()
}

// emptyRegistry answers like a registry in which no image was ever pushed, so that a wrong tag ends in the
// very words a real cluster says ("not found") and no pull ever leaves this machine.
func emptyRegistry(address string) {
	mux := http.NewServeMux()
	mux.HandleFunc("/v2/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/v2/" {
			fmt.Fprint(w, "{}")
			return
		}
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`)
	})
	log.Printf("empty registry on %s", address)
	log.Fatal(http.ListenAndServe(address, mux))
}
