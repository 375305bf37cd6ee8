const t=process.cpuUsage(); const m=process.argv[2]; await import(m); const u=process.cpuUsage(t); console.log(m, ((u.user+u.system)/1000).toFixed(0),'ms CPU');
