module intentd.io/gym/workload

go 1.22
