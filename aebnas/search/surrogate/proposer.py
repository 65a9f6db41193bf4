"""proto"""
from __future__ import annotations
import numpy as np
from aebnas.search.proposers import remembered_keys
from aebnas.search.nsga2 import Nsga2Proposer
from aebnas.search.surrogate.archive import Archive
from aebnas.search.surrogate.prediction import Surrogate
from aebnas.search.surrogate.quantities import modelled
from aebnas.search.surrogate.selection import front_of, gain, most_gaining

class Proto:
    def __init__(self, config, space, plain, exact, reference, models, control=.2, explore=.1, optimism=(0,), P=100, G=10, log=None, key_of=None):
        self.config=config; self.space=space; self.plain=plain; self.reference=reference; self.models=models
        self.archive=Archive(space, exact, modelled(config)); self.n=0; self.control=control; self.explore=explore
        self.P=P; self.G=G; self.optimism=optimism; self.source={}; self.log=log if log is not None else []
        self.pred={}; self.key_of=key_of or remembered_keys(space)
    def ask(self):
        self.n+=1
        total=self.config.search.offspring or self.config.search.population
        if self.n==1:
            g=self.plain.ask(); self.source={}; return g
        seed=int(np.random.SeedSequence([self.config.search.seed,self.n]).generate_state(1)[0])>>1
        rng=np.random.default_rng(seed)
        self.sur=Surrogate.fit(self.config,self.archive,self.models,seed,self.key_of)
        known=set(self.plain._known)
        nc=int(round(self.control*total)); ne=int(round(self.explore*total)); ns=total-nc-ne
        pool=self.inner(known,seed)
        front=front_of(self.archive.individuals,len(self.reference))
        picked=[]
        for o in self.optimism:
            cands=self.sur.individuals([p for p in pool],o)
            idx=most_gaining([c if i not in picked else [] for i,c in enumerate(cands)], ns-len(picked), np.concatenate([front]+[front_of(cands[i],len(self.reference)) for i in picked]), self.reference)
            picked+=idx
            if len(picked)>=ns: break
        genomes=[pool[i] for i in picked]
        keys=[self.key_of(g) for g in genomes]
        self.plain.know(keys); known|=set(keys)
        src=['s']*len(genomes)
        # exploration: random new
        for _ in range(ne*50):
            if len(genomes)>=len(picked)+ne: break
            g=self.space.sample(rng); k=self.key_of(g)
            if k in known: continue
            known.add(k); self.plain.know([k]); genomes.append(g); src.append('e')
        more=self.plain.ask(total-len(genomes))
        genomes+=more; src+=['p']*len(more)
        self.source={self.key_of(g):s for g,s in zip(genomes,src)}
        q=self.sur.quantities(genomes)
        self.pred={self.key_of(g):q['error'][i] for i,g in enumerate(genomes)}
        return genomes
    def inner(self,known,seed):
        rng=np.random.default_rng(seed); seen=set(known); init=[]
        for _ in range(20*self.P):
            if len(init)==self.P: break
            g=self.space.sample(rng); k=self.key_of(g)
            if k not in seen: seen.add(k); init.append(g)
        if not init: return []
        cfg=self.config.search.model_copy(update={'population':self.P,'offspring':self.P,'seed':seed})
        ncon=len(self.archive.individuals[0].violations)
        inner=Nsga2Proposer(self.space,cfg,len(self.reference),ncon,initial=init,known=known,tries=5,key_of=self.key_of)
        pool=[]
        for gen in range(self.G):
            asked=inner.ask()
            if len(asked)<self.P//10 and gen: break
            pool+=asked
            told=[x for c in self.sur.individuals(asked) for x in c]
            inner.tell((self.archive.individuals if gen==0 else [])+told)
        return pool
    def tell(self, individuals):
        front=front_of(self.archive.individuals,len(self.reference)) if self.archive.individuals else np.empty((0,len(self.reference)))
        by={}
        for i in individuals: by.setdefault(i.key,[]).append(i)
        if self.source:
            for k,pts in by.items():
                self.log.append((self.n,self.source[k],gain(pts,front,self.reference), float(np.mean(self.pred[k]))))
        self.archive.add(individuals); self.plain.tell(individuals)
        if self.source:
            self.log[-1]=self.log[-1]
