// Program workload is the one program that runs in the gym's containers. It behaves as its environment says:
// serve, need a variable or a file, fill memory, leak, burn CPU, answer with errors, crash. Its log reads as
// a real service's would, because the log is evidence.
//
// `workload pause` holds a pod's namespaces, `workload registry` is a registry that has no image (serve.go).
package main

import (
	"fmt"
	"log"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(log.LstdFlags | log.LUTC)
	mode := "serve"
	if len(os.Args) > 1 {
		mode = os.Args[1]
	}
	switch mode {
	case "pause":
		waitForEnd()
	case "registry":
		emptyRegistry(text("LISTEN", "127.0.0.1:5000"))
	case "serve":
		serve()
	default:
		log.Fatalf("fatal: unknown mode %q", mode)
	}
}

func serve() {
	log.Printf("starting %s %s pid=%d", text("SERVICE", "workload"), text("VERSION", "v1"), os.Getpid())
	requireEnvironment()
	requireFiles()
	if delay := seconds("START_DELAY"); delay > 0 {
		log.Printf("warming caches, ready in %s", delay)
		time.Sleep(delay)
	}
	// Listen before filling memory: a service answers, then grows.
	server := newServer(number("FAIL_RATE"), seconds("READY_AFTER"))
	server.listen(text("LISTEN", text("PORT", "8080")))
	for i := 0; i < int(number("BURN_CPU")); i++ {
		go burn()
	}
	if mib := int(number("ALLOCATE_MIB")); mib > 0 {
		log.Printf("loading working set of %d MiB", mib)
		hold(mib)
		log.Printf("working set loaded")
	}
	if rate := number("LEAK_MIB_PER_S"); rate > 0 {
		go leak(rate)
	}
	go server.load(numberOr("REQUESTS_PER_S", 20))
	go exitLater()
	waitForEnd()
}

// requireEnvironment stops the program the way a twelve-factor service does when its configuration is short.
func requireEnvironment() {
	for _, name := range list("REQUIRE_ENV") {
		if os.Getenv(name) == "" {
			log.Fatalf("fatal: required environment variable %s is not set", name)
		}
	}
}

func requireFiles() {
	for _, path := range list("REQUIRE_FILE") {
		data, err := os.ReadFile(path)
		if err != nil {
			log.Fatalf("fatal: cannot read configuration file: %v", err)
		}
		log.Printf("read %s (%d bytes)", path, len(data))
	}
}

// exitLater ends the program with EXIT_CODE after EXIT_AFTER, where either is given.
func exitLater() {
	if os.Getenv("EXIT_CODE") == "" && os.Getenv("EXIT_AFTER") == "" {
		return
	}
	time.Sleep(seconds("EXIT_AFTER"))
	code := int(number("EXIT_CODE"))
	log.Printf("%s", text("EXIT_MESSAGE", fmt.Sprintf("fatal: unrecoverable error, exiting with status %d", code)))
	os.Exit(code)
}

var held [][]byte // memory that must stay resident

func hold(mib int) {
	for i := 0; i < mib; i++ {
		block := make([]byte, 1<<20)
		for j := 0; j < len(block); j += 4096 {
			block[j] = 1 // a page counts only once it was written
		}
		held = append(held, block)
	}
}

func leak(mibPerSecond float64) {
	pause := time.Duration(float64(time.Second) / mibPerSecond)
	for n := 1; ; n++ {
		time.Sleep(pause)
		hold(1)
		if n%16 == 0 {
			log.Printf("session cache holds %d entries (%d MiB)", n*1024, n)
		}
	}
}

func burn() {
	for x := uint64(1); ; x = x*6364136223846793005 + 1442695040888963407 {
		if x == 0 {
			runtimeSink = x
		}
	}
}

var runtimeSink uint64

func waitForEnd() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	<-signals
	if len(os.Args) < 2 || os.Args[1] != "pause" {
		log.Printf("received signal, shutting down")
	}
}

func text(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func list(name string) []string {
	return strings.FieldsFunc(os.Getenv(name), func(r rune) bool { return r == ',' || r == ' ' })
}

func number(name string) float64 { return numberOr(name, 0) }

func numberOr(name string, otherwise float64) float64 {
	raw := os.Getenv(name)
	if raw == "" {
		return otherwise
	}
	value, err := strconv.ParseFloat(raw, 64)
	if err != nil {
		log.Fatalf("fatal: invalid value %q for %s: not a number", raw, name)
	}
	return value
}

// seconds reads a duration: "3" is three seconds, "250ms" works too.
func seconds(name string) time.Duration {
	raw := os.Getenv(name)
	if raw == "" {
		return 0
	}
	if value, err := strconv.ParseFloat(raw, 64); err == nil {
		return time.Duration(value * float64(time.Second))
	}
	value, err := time.ParseDuration(raw)
	if err != nil {
		log.Fatalf("fatal: invalid value %q for %s: not a duration", raw, name)
	}
	return value
}
