"""``python -m benchmarks``, of which the processes it starts run nothing."""

if __name__ == '__main__':
  from benchmarks import command

  command.main()
